"""The samples of what accounts and users hold beside access keys: providers, certificates, keys, service-linked roles, switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rig import papers

if TYPE_CHECKING:
    from matrix.samples import World

SAML, SSH, CREDENTIAL, SIGNING = "the saml provider", "the ssh key", "the credential", "the signing certificate"
LINKED = "AWSServiceRoleForAutoScaling"


def make(world: World) -> dict[str, str]:
    """One of each, held by the world or its user "target"; gives their ids or ARNs."""
    call = world._call
    body, key = papers.pem(papers.certificate("leaf")), papers.private_pem(papers.ec_key("leaf"))
    call("iam", "UploadServerCertificate", ServerCertificateName="target", CertificateBody=body, PrivateKey=key)
    credential = call("iam", "CreateServiceSpecificCredential", UserName="target", ServiceName="codecommit.amazonaws.com")
    call("iam", "CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com")
    call("organizations", "EnableAWSServiceAccess", ServicePrincipal="iam.amazonaws.com")
    signed = papers.pem(papers.certificate("signer"))
    return {
        SAML: call("iam", "CreateSAMLProvider", Name="target", SAMLMetadataDocument=papers.metadata())["SAMLProviderArn"],
        SSH: call("iam", "UploadSSHPublicKey", UserName="target", SSHPublicKeyBody=papers.ssh_line())["SSHPublicKey"]["SSHPublicKeyId"],
        CREDENTIAL: credential["ServiceSpecificCredential"]["ServiceSpecificCredentialId"],
        SIGNING: call("iam", "UploadSigningCertificate", UserName="target", CertificateBody=signed)["Certificate"]["CertificateId"],
    }


def _upload(world: World) -> dict[str, Any]:
    body, key = papers.pem(papers.certificate("leaf")), papers.private_pem(papers.ec_key("leaf"))
    return {"ServerCertificateName": "fresh", "CertificateBody": body, "PrivateKey": key}


def _deleted(world: World) -> dict[str, Any]:
    return {"DeletionTaskId": world._call("iam", "DeleteServiceLinkedRole", RoleName=LINKED)["DeletionTaskId"]}


def _on(operation: str, **more: Any) -> Any:
    """A sample on the user's own thing, after `operation` was called if one is named."""

    def sample(world: World) -> dict[str, Any]:
        if operation:
            world._call("iam", operation)
        return {name: world.held[value] if str(value) in world.held else value for name, value in more.items()}

    return sample


SAMPLES: dict[tuple[str, str], Any] = {
    ("iam", "CreateSAMLProvider"): lambda world: {"Name": "fresh", "SAMLMetadataDocument": papers.metadata()},
    ("iam", "GetSAMLProvider"): _on("", SAMLProviderArn=SAML),
    ("iam", "ListSAMLProviders"): _on(""),
    ("iam", "UpdateSAMLProvider"): _on("", SAMLProviderArn=SAML, AssertionEncryptionMode="Allowed"),
    ("iam", "DeleteSAMLProvider"): _on("", SAMLProviderArn=SAML),
    ("iam", "UploadServerCertificate"): _upload,
    ("iam", "GetServerCertificate"): _on("", ServerCertificateName="target"),
    ("iam", "ListServerCertificates"): _on(""),
    ("iam", "UpdateServerCertificate"): _on("", ServerCertificateName="target", NewPath="/moved/"),
    ("iam", "DeleteServerCertificate"): _on("", ServerCertificateName="target"),
    ("iam", "UploadSSHPublicKey"): lambda world: {"UserName": "target", "SSHPublicKeyBody": papers.ssh_line(papers.rsa_key("other"))},
    ("iam", "GetSSHPublicKey"): _on("", UserName="target", SSHPublicKeyId=SSH, Encoding="PEM"),
    ("iam", "UpdateSSHPublicKey"): _on("", UserName="target", SSHPublicKeyId=SSH, Status="Inactive"),
    ("iam", "DeleteSSHPublicKey"): _on("", UserName="target", SSHPublicKeyId=SSH),
    ("iam", "UploadSigningCertificate"): lambda world: {
        "UserName": "target", "CertificateBody": papers.pem(papers.certificate("another"))
    },
    ("iam", "UpdateSigningCertificate"): _on("", UserName="target", CertificateId=SIGNING, Status="Inactive"),
    ("iam", "DeleteSigningCertificate"): _on("", UserName="target", CertificateId=SIGNING),
    ("iam", "CreateServiceSpecificCredential"): _on("", UserName="target", ServiceName="cassandra.amazonaws.com"),
    ("iam", "ResetServiceSpecificCredential"): _on("", UserName="target", ServiceSpecificCredentialId=CREDENTIAL),
    ("iam", "UpdateServiceSpecificCredential"): _on("", UserName="target", ServiceSpecificCredentialId=CREDENTIAL, Status="Inactive"),
    ("iam", "DeleteServiceSpecificCredential"): _on("", UserName="target", ServiceSpecificCredentialId=CREDENTIAL),
    ("iam", "CreateServiceLinkedRole"): _on("", AWSServiceName="ecs.amazonaws.com"),
    ("iam", "DeleteServiceLinkedRole"): _on("", RoleName=LINKED),
    ("iam", "GetServiceLinkedRoleDeletionStatus"): _deleted,
    ("iam", "ListOrganizationsFeatures"): _on(""),
    ("iam", "EnableOrganizationsRootCredentialsManagement"): _on(""),
    ("iam", "DisableOrganizationsRootCredentialsManagement"): _on("EnableOrganizationsRootCredentialsManagement"),
    ("iam", "EnableOrganizationsRootSessions"): _on(""),
    ("iam", "DisableOrganizationsRootSessions"): _on("EnableOrganizationsRootSessions"),
    ("iam", "EnableOutboundWebIdentityFederation"): _on(""),
    ("iam", "DisableOutboundWebIdentityFederation"): _on("EnableOutboundWebIdentityFederation"),
    ("iam", "GetOutboundWebIdentityFederationInfo"): _on("EnableOutboundWebIdentityFederation"),
}  # fmt: skip
for _kind, _parameter, _value in (("SAMLProvider", "SAMLProviderArn", SAML), ("ServerCertificate", "ServerCertificateName", "target")):
    SAMPLES["iam", f"Tag{_kind}"] = _on("", **{_parameter: _value}, Tags=[{"Key": "team", "Value": "blue"}])
    SAMPLES["iam", f"Untag{_kind}"] = _on("", **{_parameter: _value}, TagKeys=["team"])
    SAMPLES["iam", f"List{_kind}Tags"] = _on("", **{_parameter: _value})
