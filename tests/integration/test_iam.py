"""As a developer I deploy roles, policies and users, and act as them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT
from support.identity import ALLOWED, TRUSTING

pytestmark = pytest.mark.slow

ClientFor = Callable[..., Any]
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TAGS = [{"Key": "team", "Value": "a"}]


def new_account() -> str:
    """An account that nobody else uses."""
    return f"{uuid.uuid4().int % 10**12:012d}"


@pytest.fixture
def account() -> str:
    return new_account()


@pytest.fixture
def iam(client_for: ClientFor, server: LocalServer, account: str) -> Any:
    """IAM, asked by an account that has nothing yet."""
    return client_for("iam", server, access_key_id=account)


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, int, str]:
    """Code, status and message of the error that a call raises."""
    with pytest.raises(call.__self__.exceptions.ClientError) as caught:  # type: ignore[attr-defined]
        call(**request)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], status, response["Error"]["Message"]


def paged(client: Any, operation: str, member: str, **request: Any) -> list[Any]:
    """All items of a list, two by two."""
    pages = client.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **request)
    return [item for page in pages for item in page[member]]


def test_a_role_lives_and_goes(iam: Any, account: str) -> None:
    # When
    created = iam.create_role(
        RoleName="orders", Path="/app/", AssumeRolePolicyDocument=TRUSTING, Tags=TAGS
    )["Role"]
    iam.get_waiter("role_exists").wait(RoleName="orders")
    # Then a client reads documents and dates as it does from AWS
    role = iam.get_role(RoleName="orders")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUSTING)
    assert role["Arn"] == f"arn:aws:iam::{account}:role/app/orders"
    assert role["CreateDate"] == created["CreateDate"]
    assert role["CreateDate"].microsecond == 0
    # When
    iam.update_role(RoleName="orders", MaxSessionDuration=7200)
    iam.update_role_description(RoleName="orders", Description="d")
    iam.update_assume_role_policy(RoleName="orders", PolicyDocument=TRUSTING)
    iam.tag_role(RoleName="orders", Tags=[{"Key": "stage", "Value": "é"}])
    iam.untag_role(RoleName="orders", TagKeys=["team"])
    iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=BASIC)
    # Then
    role = iam.get_role(RoleName="orders")["Role"]
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "d")
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BASIC
    assert paged(iam, "list_role_tags", "Tags", RoleName="orders") == [
        {"Key": "stage", "Value": "é"}
    ]
    iam.delete_role_permissions_boundary(RoleName="orders")
    iam.delete_role(RoleName="orders")
    assert refusal(iam.get_role, RoleName="orders") == (
        "NoSuchEntity",
        404,
        "The role with name orders cannot be found.",
    )


def test_what_iam_refuses_has_awss_code_and_status(iam: Any) -> None:
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)
    iam.attach_role_policy(RoleName="orders", PolicyArn=BASIC)
    role = {"RoleName": "orders", "AssumeRolePolicyDocument": TRUSTING}
    malformed = {"RoleName": "other", "AssumeRolePolicyDocument": "{}"}
    wrong_name = {"RoleName": "a b", "AssumeRolePolicyDocument": TRUSTING}
    wrong_arn = {"RoleName": "orders", "PolicyArn": "arn:aws:iam::policy/x"}
    key = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    for call, request, code, status in (
        (iam.create_role, role, "EntityAlreadyExists", 409),
        (iam.delete_role, {"RoleName": "orders"}, "DeleteConflict", 409),
        (iam.create_role, malformed, "MalformedPolicyDocument", 400),
        (iam.create_role, wrong_name, "ValidationError", 400),
        (iam.attach_role_policy, wrong_arn, "InvalidInput", 400),
        (iam.get_access_key_last_used, key, "NoSuchEntity", 404),
        (iam.list_virtual_mfa_devices, {}, "NotImplementedException", 501),
    ):
        assert refusal(call, **request)[:2] == (code, status)
    operation = "SimulatePrincipalPolicy"
    message = refusal(iam.simulate_principal_policy, PolicySourceArn=BASIC, ActionNames=["s3:Get"])
    assert operation in message[2]


def test_policies_are_versioned_attached_and_inline(iam: Any, account: str) -> None:
    # Given
    created = iam.create_policy(PolicyName="reading", PolicyDocument=ALLOWED, Tags=TAGS)["Policy"]
    arn = created["Arn"]
    iam.get_waiter("policy_exists").wait(PolicyArn=arn)
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="team")
    # When
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOWED, SetAsDefault=True)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOWED)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "stage", "Value": "x"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["team"])
    # Then
    versions = paged(iam, "list_policy_versions", "Versions", PolicyArn=arn)
    assert [version["VersionId"] for version in versions] == ["v3", "v2"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]
    assert version["Document"] == json.loads(ALLOWED)
    assert version["IsDefaultVersion"] is True
    assert paged(iam, "list_policy_tags", "Tags", PolicyArn=arn) == [{"Key": "stage", "Value": "x"}]
    assert iam.get_policy(PolicyArn=BASIC)["Policy"]["PolicyName"].startswith("AWSLambdaBasic")
    # When each kind of bearer has them
    for noun, name in (("role", "orders"), ("user", "ann"), ("group", "team")):
        bearer = {f"{noun.capitalize()}Name": name}
        for policy in (arn, BASIC, f"{BASIC}2"):
            getattr(iam, f"attach_{noun}_policy")(**bearer, PolicyArn=policy)
        for policy in ("a", "b", "c"):
            getattr(iam, f"put_{noun}_policy")(**bearer, PolicyName=policy, PolicyDocument=ALLOWED)
        # Then
        attached = paged(iam, f"list_attached_{noun}_policies", "AttachedPolicies", **bearer)
        assert {each["PolicyArn"] for each in attached} == {arn, BASIC, f"{BASIC}2"}
        assert paged(iam, f"list_{noun}_policies", "PolicyNames", **bearer) == ["a", "b", "c"]
        inline = getattr(iam, f"get_{noun}_policy")(**bearer, PolicyName="a")
        assert inline["PolicyDocument"] == json.loads(ALLOWED)
    for member, name in (("PolicyRoles", "orders"), ("PolicyUsers", "ann")):
        found = paged(iam, "list_entities_for_policy", member, PolicyArn=arn)
        assert [value for value in found[0].values() if value == name] == [name]
    local = paged(iam, "list_policies", "Policies", Scope="Local", OnlyAttached=True)
    assert [(policy["Arn"], policy["AttachmentCount"]) for policy in local] == [(arn, 3)]
    # When
    for noun, name in (("role", "orders"), ("user", "ann"), ("group", "team")):
        bearer = {f"{noun.capitalize()}Name": name}
        for policy in (arn, BASIC, f"{BASIC}2"):
            getattr(iam, f"detach_{noun}_policy")(**bearer, PolicyArn=policy)
        for policy in ("a", "b", "c"):
            getattr(iam, f"delete_{noun}_policy")(**bearer, PolicyName=policy)
        getattr(iam, f"delete_{noun}")(**bearer)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    # Then
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_lists_are_paged(iam: Any) -> None:
    names = [f"n{number}" for number in range(3)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUSTING)
        iam.create_user(UserName=name)
        iam.create_group(GroupName=name)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="n0")
        iam.add_user_to_group(GroupName=name, UserName="n0")
        iam.add_user_to_group(GroupName="n0", UserName=name)
    for operation, member, key, request in (
        ("list_roles", "Roles", "RoleName", {}),
        ("list_users", "Users", "UserName", {"PathPrefix": "/"}),
        ("list_groups", "Groups", "GroupName", {}),
        ("list_groups_for_user", "Groups", "GroupName", {"UserName": "n0"}),
        ("get_group", "Users", "UserName", {"GroupName": "n0"}),
        ("list_instance_profiles", "InstanceProfiles", "InstanceProfileName", {}),
        ("list_instance_profiles_for_role", "InstanceProfiles", "InstanceProfileName",
         {"RoleName": "n0"}),
    ):  # fmt: skip
        found = paged(iam, operation, member, **request)
        assert [item[key] for item in found] == names


def test_users_groups_and_instance_profiles_live_and_go(iam: Any, account: str) -> None:
    # Given
    iam.create_user(UserName="ann", Tags=TAGS)
    iam.get_waiter("user_exists").wait(UserName="ann")
    iam.tag_user(UserName="ann", Tags=[{"Key": "x", "Value": "y"}])
    iam.untag_user(UserName="ann", TagKeys=["x"])
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=BASIC)
    iam.delete_user_permissions_boundary(UserName="ann")
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    # When
    iam.update_user(UserName="ann", NewUserName="anna")
    iam.update_group(GroupName="team", NewGroupName="crew")
    # Then
    assert paged(iam, "list_user_tags", "Tags", UserName="anna") == TAGS
    assert iam.get_user(UserName="anna")["User"]["Arn"] == f"arn:aws:iam::{account}:user/anna"
    assert iam.get_group(GroupName="crew")["Users"][0]["UserName"] == "anna"
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account}:root"
    # When
    profile = {"InstanceProfileName": "profile"}
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)
    iam.create_instance_profile(**profile)
    iam.get_waiter("instance_profile_exists").wait(**profile)
    iam.tag_instance_profile(**profile, Tags=TAGS)
    iam.add_role_to_instance_profile(**profile, RoleName="orders")
    # Then
    found = iam.get_instance_profile(**profile)["InstanceProfile"]
    assert found["Roles"][0]["AssumeRolePolicyDocument"] == json.loads(TRUSTING)
    assert paged(iam, "list_instance_profile_tags", "Tags", **profile) == TAGS
    # And everything goes
    iam.untag_instance_profile(**profile, TagKeys=["team"])
    iam.remove_role_from_instance_profile(**profile, RoleName="orders")
    iam.delete_instance_profile(**profile)
    iam.remove_user_from_group(GroupName="crew", UserName="anna")
    iam.delete_group(GroupName="crew")
    iam.delete_user(UserName="anna")
    assert iam.list_users()["Users"] == iam.list_groups()["Groups"] == []


def test_an_account_has_an_alias_and_a_summary(iam: Any, account: str) -> None:
    iam.create_account_alias(AccountAlias=f"a{account}")
    assert paged(iam, "list_account_aliases", "AccountAliases") == [f"a{account}"]
    iam.delete_account_alias(AccountAlias=f"a{account}")
    assert paged(iam, "list_account_aliases", "AccountAliases") == []
    assert iam.get_account_summary()["SummaryMap"]["Roles"] == 0


def test_a_user_acts_by_its_own_keys(
    iam: Any, client_for: ClientFor, server: LocalServer, account: str
) -> None:
    # Given
    user = iam.create_user(UserName="ann")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sts = client_for("sts", server, access_key_id=key["AccessKeyId"])
    # Then
    identity = sts.get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{account}:user/ann"
    assert (identity["UserId"], identity["Account"]) == (user["UserId"], account)
    own = client_for("iam", server, access_key_id=key["AccessKeyId"])
    assert own.get_user()["User"]["UserName"] == "ann"
    assert paged(own, "list_access_keys", "AccessKeyMetadata")[0]["UserName"] == "ann"
    assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert used["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    # And sessions of the user are the user
    token = sts.get_session_token()["Credentials"]
    session = client_for("sts", server, access_key_id=token["AccessKeyId"])
    assert session.get_caller_identity()["Arn"] == identity["Arn"]
    federated = sts.get_federation_token(Name="bob")
    assert federated["FederatedUser"]["FederatedUserId"] == f"{account}:bob"
    # And functions that the user makes are the account's
    functions = client_for("lambda", server, access_key_id=key["AccessKeyId"])
    message = refusal(functions.get_function, FunctionName="ghost")[2]
    assert f":{account}:function:ghost" in message
    # When the key is made inactive, Then nobody gets in with it
    status = {"UserName": "ann", "AccessKeyId": key["AccessKeyId"], "Status": "Inactive"}
    iam.update_access_key(**status)
    assert refusal(sts.get_caller_identity)[:2] == ("InvalidClientTokenId", 403)
    assert refusal(functions.list_functions)[:2] == ("UnrecognizedClientException", 403)
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="ann")


def test_a_session_of_a_role_works_across_accounts_and_a_crash(
    start_server: Callable[..., LocalServer], client_for: ClientFor, account: str
) -> None:
    # Given
    server = start_server(sandbox="process")
    iam = client_for("iam", server, access_key_id=account)
    role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)["Role"]
    sts = client_for("sts", server, access_key_id=new_account())
    # When
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="s1")
    server.kill()
    server.start()
    # Then
    key = answer["Credentials"]["AccessKeyId"]
    identity = client_for("sts", server, access_key_id=key).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == f"{role['RoleId']}:s1"
    assert identity["Account"] == account
    again = client_for("iam", server, access_key_id=key)
    assert again.get_role(RoleName="orders")["Role"]["RoleId"] == role["RoleId"]
    # And nothing secret was logged
    for secret in ("SecretAccessKey", "SessionToken"):
        assert answer["Credentials"][secret] not in server.log
    missing = {"RoleArn": f"{role['Arn']}2", "RoleSessionName": "s1"}
    sts = client_for("sts", server, access_key_id="test")
    assert refusal(sts.assume_role, **missing)[:2] == ("AccessDenied", 403)
    message = {"EncodedMessage": "x"}
    assert refusal(sts.decode_authorization_message, **message)[1] == 501


def test_the_aws_cli_makes_a_role(server: LocalServer, tmp_path: Path, account: str) -> None:
    (tmp_path / "trust.json").write_text(TRUSTING)
    shell = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        **ENVIRONMENT,
        "AWS_ACCESS_KEY_ID": account,
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_PAGER": "",
    }
    aws = Path(sys.executable).parent / "aws"
    done = subprocess.run(
        [aws, "iam", "create-role", "--role-name", "orders", "--assume-role-policy-document",
         "file://trust.json"],
        env=shell, cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Role"]["Arn"] == f"arn:aws:iam::{account}:role/orders"
