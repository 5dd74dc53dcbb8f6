"""IAM users of the local cloud, so that commands come from somebody: each has its own key and its name in the audit."""

from dataclasses import dataclass, field

import boto3

from cloud import ACCOUNT, REGION


@dataclass(frozen=True)
class User:
    """One user with a key."""

    name: str
    arn: str
    access_key: str
    secret: str = field(repr=False)


def arn_of(name):
    """The ARN that a user of this name has; a configuration names callers before they exist."""
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def create(cloud, name):
    """Creates a user with a fresh key, or gives one that is there a fresh key."""
    iam = cloud.client("iam")
    try:
        iam.create_user(UserName=name)
    except iam.exceptions.EntityAlreadyExistsException:
        # A user has two keys at most.
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return User(name, arn_of(name), key["AccessKeyId"], key["SecretAccessKey"])


def identify(endpoint, user):
    """Who the cloud says that the holder of this key is: the principal's ARN."""
    session = boto3.session.Session(
        aws_access_key_id=user.access_key, aws_secret_access_key=user.secret, region_name=REGION
    )
    return session.client("sts", endpoint_url=endpoint).get_caller_identity()["Arn"]
