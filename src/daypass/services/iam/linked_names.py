"""The services that have service-linked roles, and what their roles are called. A table; decides nothing.

Source: the pages "Using service-linked roles" of the services' own user guides; service principals and role names are AWS's.
"""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "AWSServiceRoleFor"

# service principal → the role's name behind the prefix
LINKED: Mapping[str, str] = {
    "access-analyzer.amazonaws.com": "AccessAnalyzer",
    "acm.amazonaws.com": "CertificateManager",
    "application-insights.amazonaws.com": "ApplicationInsights",
    "appmesh.amazonaws.com": "AppMesh",
    "autoscaling-plans.amazonaws.com": "AutoScalingPlans_EC2AutoScaling",
    "autoscaling.amazonaws.com": "AutoScaling",
    "backup.amazonaws.com": "Backup",
    "batch.amazonaws.com": "Batch",
    "cks.kms.amazonaws.com": "KeyManagementServiceCustomKeyStores",
    "cloud9.amazonaws.com": "AWSCloud9",
    "cloudhsm.amazonaws.com": "CloudHSM",
    "cloudtrail.amazonaws.com": "CloudTrail",
    "codestar-notifications.amazonaws.com": "CodeStarNotifications",
    "config-multiaccountsetup.amazonaws.com": "ConfigMultiAccountSetup",
    "config.amazonaws.com": "Config",
    "connect.amazonaws.com": "AmazonConnect",
    "dax.amazonaws.com": "DAX",
    "dynamodb.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_DynamoDBTable",
    "ec2.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_EC2SpotFleetRequest",
    "ec2fleet.amazonaws.com": "EC2Fleet",
    "ecs.amazonaws.com": "ECS",
    "ecs.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_ECSService",
    "eks-fargate.amazonaws.com": "AmazonEKSForFargate",
    "eks-nodegroup.amazonaws.com": "AmazonEKSNodegroup",
    "eks.amazonaws.com": "AmazonEKS",
    "elasticache.amazonaws.com": "ElastiCache",
    "elasticbeanstalk.amazonaws.com": "ElasticBeanstalk",
    "elasticfilesystem.amazonaws.com": "AmazonElasticFileSystem",
    "elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
    "elasticmapreduce.amazonaws.com": "EMRCleanup",
    "email.cognito-idp.amazonaws.com": "AmazonCognitoIdpEmailService",
    "es.amazonaws.com": "AmazonElasticsearchService",
    "fms.amazonaws.com": "FMS",
    "fsx.amazonaws.com": "AmazonFSx",
    "globalaccelerator.amazonaws.com": "GlobalAccelerator",
    "guardduty.amazonaws.com": "AmazonGuardDuty",
    "imagebuilder.amazonaws.com": "ImageBuilder",
    "inspector2.amazonaws.com": "AmazonInspector2",
    "kafka.amazonaws.com": "Kafka",
    "lambda.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_LambdaConcurrency",
    "lexv2.amazonaws.com": "LexV2Bots",
    "logger.cloudfront.amazonaws.com": "CloudFrontLogger",
    "macie.amazonaws.com": "AmazonMacie",
    "maintenance.elasticbeanstalk.amazonaws.com": "ElasticBeanstalkMaintenance",
    "managedupdates.elasticbeanstalk.amazonaws.com": "ElasticBeanstalkManagedUpdates",
    "member.org.stacksets.cloudformation.amazonaws.com": "CloudFormationStackSetsOrgMember",
    "mq.amazonaws.com": "AmazonMQ",
    "mrk.kms.amazonaws.com": "KeyManagementServiceMultiRegionKeys",
    "opensearchservice.amazonaws.com": "AmazonOpenSearchService",
    "ops.apigateway.amazonaws.com": "APIGateway",
    "organizations.amazonaws.com": "Organizations",
    "ram.amazonaws.com": "ResourceAccessManager",
    "rds.amazonaws.com": "RDS",
    "rds.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_RDSCluster",
    "redshift.amazonaws.com": "Redshift",
    "replication.dynamodb.amazonaws.com": "DynamoDBReplication",
    "replicator.lambda.amazonaws.com": "LambdaReplicator",
    "rolesanywhere.amazonaws.com": "RolesAnywhere",
    "s3.data-source.lustre.fsx.amazonaws.com": "FSxS3Access",
    "sagemaker.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_SageMakerEndpoint",
    "securityhub.amazonaws.com": "SecurityHub",
    "servicequotas.amazonaws.com": "ServiceQuotas",
    "shield.amazonaws.com": "AWSShield",
    "spot.amazonaws.com": "EC2Spot",
    "spotfleet.amazonaws.com": "EC2SpotFleet",
    "ssm.amazonaws.com": "AmazonSSM",
    "sso.amazonaws.com": "SSO",
    "stacksets.cloudformation.amazonaws.com": "CloudFormationStackSetsOrgAdmin",
    "support.amazonaws.com": "Support",
    "transitgateway.amazonaws.com": "VPCTransitGateway",
    "trustedadvisor.amazonaws.com": "TrustedAdvisor",
    "waf.amazonaws.com": "WAFLogging",
    "wafv2.amazonaws.com": "WAFV2Logging",
}

# Services whose roles may be several, told apart by a suffix.
SUFFIXED = frozenset(
    {"autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com", "s3.data-source.lustre.fsx.amazonaws.com"}
)
