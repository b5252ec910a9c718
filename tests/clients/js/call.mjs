// One AWS call by the AWS SDK for JavaScript v3: a job as JSON on stdin, the answer as JSON on stdout.
// Who calls is the environment's business. DAYPASS_JS is the folder with node_modules.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.DAYPASS_JS + "/");
const packages = { sts: ["client-sts", "STSClient"], iam: ["client-iam", "IAMClient"], organizations: ["client-organizations", "OrganizationsClient"] };
const job = JSON.parse(readFileSync(0, "utf8"));
const [name, clientName] = packages[job.service];
const sdk = require("@aws-sdk/" + name);
let answer;
try {
  const { $metadata, ...output } = await new sdk[clientName]({}).send(new sdk[job.operation + "Command"](job.params));
  answer = { output };
} catch (error) {
  if (!error.$metadata) throw error; // not an answer of the server
  answer = { fault: { Code: error.name, Message: error.message } };
}
function plain(key, value) {
  return this[key] instanceof Uint8Array ? Buffer.from(this[key]).toString("base64") : value;
}
process.stdout.write(JSON.stringify(answer, plain));
