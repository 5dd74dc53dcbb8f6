"""Sets on the local cloud what emulators silently drop from a template, from the template's own values, and checks it.

Object Lock, lifecycle, versioning and point-in-time recovery are written through the API and read back; notifications,
deletion protection and streams are only read back. Time to live must be off: the emulator's reaper removes rows
without a stream record, so a local vault relies on `reconcile` (the template's Profile parameter decides that).
"""

import template as templates
from cloud import LocalError


def apply(cloud, template, resolver, physical_ids):
    """Sets and checks every bucket and table of the template; yields one line for each."""
    for logical, resource in templates.of_type(template, "AWS::S3::Bucket"):
        properties = resolver.value(bucket_part(resource.get("Properties", {})))
        yield bucket(cloud.client("s3"), physical_ids[logical], properties)
    for logical, resource in templates.of_type(template, "AWS::DynamoDB::Table"):
        properties = resolver.value(table_part(resource.get("Properties", {})))
        yield table(cloud.client("dynamodb"), physical_ids[logical], properties)


def bucket_part(properties):
    """The bucket properties that are set or checked here."""
    names = ("VersioningConfiguration", "ObjectLockEnabled", "ObjectLockConfiguration", "LifecycleConfiguration")
    part = {name: properties[name] for name in names if name in properties}
    part["Notifications"] = len(properties.get("NotificationConfiguration", {}).get("QueueConfigurations", []))
    return part


def table_part(properties):
    """The table properties that are set or checked here."""
    names = (
        "PointInTimeRecoverySpecification",
        "TimeToLiveSpecification",
        "DeletionProtectionEnabled",
        "StreamSpecification",
    )
    return {name: properties[name] for name in names if name in properties}


def expect(what, wanted, found):
    """One clear line when the cloud does not hold what the template says."""
    if wanted != found:
        raise LocalError(f"{what}: template says {wanted!r}, the cloud has {found!r}")


def bucket(s3, name, properties):
    """Sets and checks one bucket."""
    done = []
    if properties.get("VersioningConfiguration", {}).get("Status") == "Enabled":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        expect(f"{name} versioning", "Enabled", s3.get_bucket_versioning(Bucket=name).get("Status"))
        done.append("versions")
    if properties.get("ObjectLockEnabled") in (True, "true"):
        lock = {"ObjectLockEnabled": "Enabled"}
        rule = properties.get("ObjectLockConfiguration", {}).get("Rule")
        if rule:
            lock["Rule"] = rule
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
        expect(f"{name} object lock", lock, s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"])
        done.append("object lock")
    rules = [lifecycle_rule(rule) for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])]
    if rules:
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        found = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        expect(f"{name} lifecycle", comparable(rules), comparable(found))
        done.append(f"{len(rules)} lifecycle rules")
    if properties["Notifications"]:
        found = s3.get_bucket_notification_configuration(Bucket=name).get("QueueConfigurations", [])
        expect(f"{name} notifications", True, len(found) >= 1)
        done.append("notifications")
    return f"bucket {name}: {', '.join(done) or 'as deployed'}"


def lifecycle_rule(rule):
    """A CloudFormation lifecycle rule as the S3 API takes it; an unknown key is a fault."""
    rule = dict(rule)
    made = {"ID": rule.pop("Id", ""), "Status": rule.pop("Status"), "Filter": {"Prefix": rule.pop("Prefix", "")}}
    expiration = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule.pop("ExpirationInDays"))
    if rule.pop("ExpiredObjectDeleteMarker", False) in (True, "true"):
        expiration["ExpiredObjectDeleteMarker"] = True
    if expiration:
        made["Expiration"] = expiration
    noncurrent = rule.pop("NoncurrentVersionExpiration", None)
    if "NoncurrentVersionExpirationInDays" in rule:
        noncurrent = {"NoncurrentDays": rule.pop("NoncurrentVersionExpirationInDays")}
    if noncurrent:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(noncurrent["NoncurrentDays"])}
    abort = rule.pop("AbortIncompleteMultipartUpload", None)
    if abort:
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(abort["DaysAfterInitiation"])}
    if rule:
        raise LocalError(f"lifecycle rule {made['ID']}: {sorted(rule)} not known to infra/local/settings.py")
    return made


def comparable(rules):
    """Rules in one order, without an empty prefix filter that an emulator may leave out."""
    kept = [{name: value for name, value in rule.items() if value not in ({"Prefix": ""}, {})} for rule in rules]
    return sorted(kept, key=lambda rule: rule["ID"])


def table(dynamodb, name, properties):
    """Sets and checks one table."""
    done = []
    recovery = properties.get("PointInTimeRecoverySpecification", {})
    if recovery.get("PointInTimeRecoveryEnabled") in (True, "true"):
        wanted = {"PointInTimeRecoveryEnabled": True}
        if "RecoveryPeriodInDays" in recovery:
            wanted["RecoveryPeriodInDays"] = int(recovery["RecoveryPeriodInDays"])
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted)
        found = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        found = found["PointInTimeRecoveryDescription"]
        expect(f"{name} point-in-time recovery", "ENABLED", found["PointInTimeRecoveryStatus"])
        done.append("point-in-time recovery")
    wanted_ttl = properties.get("TimeToLiveSpecification", {})
    found_ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if wanted_ttl.get("AttributeName") == "purge_at":
        expect(f"{name} time to live of a local vault", False, wanted_ttl.get("Enabled") in (True, "true"))
        expect(f"{name} time to live", "DISABLED", found_ttl)
        done.append("time to live off")
    found = dynamodb.describe_table(TableName=name)["Table"]
    if "DeletionProtectionEnabled" in properties:
        wanted = properties["DeletionProtectionEnabled"] in (True, "true")
        expect(f"{name} deletion protection", wanted, found.get("DeletionProtectionEnabled", False))
        done.append("deletion protection")
    if "StreamSpecification" in properties:
        view = properties["StreamSpecification"]["StreamViewType"]
        expect(f"{name} stream", view, found.get("StreamSpecification", {}).get("StreamViewType"))
        done.append("stream")
    return f"table {name}: {', '.join(done) or 'as deployed'}"
