"""Deploys the real template.yaml to the local cloud, as `aws cloudformation package` and `deploy` would to AWS.

Each function's binary is zipped as `bootstrap` and uploaded, CloudFormation gets the template that production uses,
with other parameters only. Then settings.py sets what emulators drop. Prints and stores what others need to use the
stack: outputs, function names, and the settings that the functions were given.
"""

import argparse
import hashlib
import io
import json
import pathlib
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

import settings
import template as templates
from cloud import ACCOUNT, REGION, Cloud, LocalError, session_environment, target_directory, wait_for, ROOT

FUNCTIONS = ("survey", "scan", "sweep", "expire", "intake", "react", "archive", "confirm", "reconcile")
DEPLOY_SECONDS = 180
ENDED_BADLY = ("ROLLBACK", "FAILED", "DELETE")


def function_of(resource):
    """Which of the nine a function resource is, from the last part of its CodeUri; None if it is another."""
    uri = resource["Properties"].get("CodeUri", "")
    name = pathlib.PurePosixPath(uri).name if isinstance(uri, str) else ""
    return name.removeprefix("lethe-")


def zipped(binary):
    """The binary as a Lambda package: one executable `bootstrap`, stored, since nothing here is billed by size."""
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o755 << 16
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(info, binary.read_bytes())
    return buffer.getvalue()


def package(cloud, template, bucket, binaries):
    """Uploads every function's zip and points the template's CodeUri at it."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    functions = list(templates.of_type(template, "AWS::Serverless::Function"))
    known = sorted(function_of(resource) for _, resource in functions)
    if known != sorted(FUNCTIONS):
        raise LocalError(f"template.yaml: expected the functions {sorted(FUNCTIONS)}, found {known}")

    def upload(resource):
        name = function_of(resource)
        binary = binaries / f"lethe-{name}"
        if not binary.is_file():
            raise LocalError(f"{binary}: no such file; build the functions first (`cargo build --profile local`)")
        body = zipped(binary)
        key = f"{name}-{hashlib.sha256(body).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
        resource.pop("Metadata", None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, (resource for _, resource in functions)))


def parameters_for(template, arguments):
    """The local profile's parameters; one that the template does not know is a fault, not a shrug."""
    tables = [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}" for name in arguments.source_table]
    buckets = [f"arn:aws:s3:::{name}" for name in arguments.source_bucket]
    wanted = {
        "Profile": "local",
        "TimeScale": str(arguments.time_scale),
        "Mode": "act",
        "Schedules": "off",
        "Architecture": "x86_64",
    }
    if tables:
        wanted["SourceTableArns"] = ",".join(tables)
    if buckets:
        wanted["SourceBucketArns"] = ",".join(buckets)
    unknown = [name for name in wanted if name not in template.get("Parameters", {})]
    if unknown:
        raise LocalError(f"template.yaml has no parameter {', '.join(unknown)}")
    return wanted


def create(cloud, stack, template, bucket, parameters):
    """Creates the stack from the uploaded template and waits until it is complete."""
    body = json.dumps(template).encode()
    cloud.client("s3").put_object(Bucket=bucket, Key="template.json", Body=body)
    formation = cloud.client("cloudformation")
    formation.create_stack(
        StackName=stack,
        TemplateURL=f"{cloud.endpoint}/{bucket}/template.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )

    def finished():
        found = formation.describe_stacks(StackName=stack)["Stacks"][0]
        status = found["StackStatus"]
        if any(word in status for word in ENDED_BADLY):
            raise LocalError(f"stack {stack}: {status}: {first_fault(formation, stack, found)}")
        return found if status == "CREATE_COMPLETE" else None

    return wait_for(f"stack {stack} complete", finished, DEPLOY_SECONDS)


def first_fault(formation, stack, found):
    """Why a stack failed: the first failed resource's reason."""
    try:
        events = formation.describe_stack_events(StackName=stack)["StackEvents"]
    except ClientError:
        events = []
    for event in reversed(events):
        if "FAILED" in event.get("ResourceStatus", ""):
            return f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason')}"
    return found.get("StackStatusReason", "no reason given")


def describe(cloud, stack, found, physical_ids, template, time_scale):
    """What the demo, the tests and a developer need to use the stack."""
    functions, function_settings = {}, {}
    for logical, resource in templates.of_type(template, "AWS::Serverless::Function"):
        name = physical_ids[logical]
        key = name.removeprefix(f"{stack}-")
        functions[key] = name
        configuration = cloud.client("lambda").get_function_configuration(FunctionName=name)
        variables = configuration.get("Environment", {}).get("Variables", {})
        for variable, value in variables.items():
            if function_settings.setdefault(variable, value) != value:
                raise LocalError(f"template.yaml: {variable} differs between functions ({key})")
    missing = sorted(set(FUNCTIONS) - set(functions))
    if missing:
        raise LocalError(f"template.yaml: no function is named {', '.join(f'{stack}-{name}' for name in missing)}")
    return {
        "endpoint": cloud.endpoint,
        "stack": stack,
        "region": REGION,
        "account": ACCOUNT,
        "time_scale": time_scale,
        "outputs": {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])},
        "functions": functions,
        "settings": function_settings,
        "environment": {**session_environment(cloud.endpoint), "LETHE_STACK": stack},
    }


def deploy(arguments):
    """Packages, deploys, sets what was dropped, and stores the description."""
    cloud = Cloud(arguments.endpoint)
    template = templates.load(arguments.template)
    parameters = parameters_for(template, arguments)
    bucket = f"{arguments.stack}-deploy-{ACCOUNT}-{REGION}"
    package(cloud, template, bucket, arguments.binaries)
    found = create(cloud, arguments.stack, template, bucket, parameters)
    physical_ids = {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for item in cloud.client("cloudformation").describe_stack_resources(StackName=arguments.stack)["StackResources"]
    }
    resolver = templates.Resolver(template, arguments.stack, parameters, physical_ids)
    for line in settings.apply(cloud, template, resolver, physical_ids):
        print(f"    {line}")
    stack = describe(cloud, arguments.stack, found, physical_ids, template, arguments.time_scale)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(stack, indent=2) + "\n")
    print(f"    stack {arguments.stack}: {len(physical_ids)} resources, {len(stack['functions'])} functions")


def main():
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--stack", default="lethe")
    parser.add_argument("--time-scale", type=int, default=20_000)
    parser.add_argument("--template", type=pathlib.Path, default=ROOT / "template.yaml")
    parser.add_argument("--binaries", type=pathlib.Path, default=target_directory() / "local")
    parser.add_argument("--output", type=pathlib.Path, default=target_directory() / "cloud" / "up" / "stack.json")
    parser.add_argument("--source-table", action="append", default=[])
    parser.add_argument("--source-bucket", action="append", default=[])
    try:
        deploy(parser.parse_args())
    except (LocalError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"deploy: {fault}")


if __name__ == "__main__":
    main()
