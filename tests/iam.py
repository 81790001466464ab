"""Users and policies of moto, which then answers only what they allow."""

import json
import re
from typing import Any, Final
from urllib.request import Request, urlopen

from places import GUIDES

POLICIES: Final = GUIDES / "permissions"
_FOREVER: Final = b"1000000000"


def policy(name: str, bucket: str) -> dict[str, Any]:
    """Return a policy of the documentation, for ``bucket`` in place of its ``wheels``."""
    text = (POLICIES / f"{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(re.sub(r"arn:aws:s3:::wheels\b", f"arn:aws:s3:::{bucket}", text))
    return found


def user(endpoint: str, allowed: dict[str, Any]) -> dict[str, str]:
    """Create a user who may do what ``allowed`` says; return the environment in which that user works."""
    import boto3

    iam = boto3.client(
        "iam", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="tests", aws_secret_access_key="tests"
    )
    name = f"user{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_REGION": "us-east-1",
    }


def enforce(endpoint: str, *, enforced: bool = True) -> None:
    """Let the server check from here on who asks, and what for; or no longer."""
    body, headers = b"0" if enforced else _FOREVER, {"Content-Type": "text/plain"}
    request = Request(f"{endpoint}/moto-api/reset-auth", body, headers, method="POST")
    with urlopen(request):
        pass
