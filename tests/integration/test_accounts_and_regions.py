"""As an operator I have several accounts and regions, and nothing of one is seen in another."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.identity import TRUSTING

pytestmark = pytest.mark.slow

REGIONS = ("us-east-1", "eu-central-1")
SOURCE = """
import os

def handler(event, context):
    return [os.environ["WHERE"], os.environ["AWS_REGION"], context.invoked_function_arn]
"""


@pytest.fixture(scope="module")
def accounts() -> tuple[str, str]:
    """Two accounts that nobody else uses."""
    first, second = (f"{uuid.uuid4().int % 10**12:012d}" for _ in range(2))
    return first, second


@pytest.fixture
def functions(
    make_function: Callable[..., DeployedFunction], accounts: tuple[str, str]
) -> dict[tuple[str, str], DeployedFunction]:
    """A function `same` in each account and region."""
    return {
        (account, region): make_function(
            source=SOURCE,
            FunctionName="same",
            access_key_id=account,
            region=region,
            Role=f"arn:aws:iam::{account}:role/orders",
            Environment={"Variables": {"WHERE": f"{account} {region}"}},
        )
        for account in accounts
        for region in REGIONS
    }


def test_functions_of_one_name_are_apart(
    functions: dict[tuple[str, str], DeployedFunction], accounts: tuple[str, str]
) -> None:
    # Given the same name four times, Then each is its own
    for (account, region), function in functions.items():
        arn = f"arn:aws:lambda:{region}:{account}:function:same"
        assert function.call() == [f"{account} {region}", region, arn]
        assert [each["FunctionArn"] for each in function.client.list_functions()["Functions"]] == [
            arn
        ]
    # When one is deleted
    gone = functions.pop((accounts[0], REGIONS[0]))
    gone.client.delete_function(FunctionName="same")
    # Then the others are still there
    assert gone.client.list_functions()["Functions"] == []
    for (account, region), function in functions.items():
        assert function.call()[0] == f"{account} {region}"


def test_an_account_reaches_nothing_of_another_by_its_arn(
    functions: dict[tuple[str, str], DeployedFunction], accounts: tuple[str, str]
) -> None:
    client = functions[accounts[0], REGIONS[0]].client
    for account, region in ((accounts[1], REGIONS[0]), (accounts[0], REGIONS[1])):
        arn = functions[account, region].arn
        for call in (client.get_function, client.delete_function, client.invoke):
            with pytest.raises(client.exceptions.ClientError):
                call(FunctionName=arn)
        assert functions[account, region].call()[0] == f"{account} {region}"


def test_iam_is_an_accounts_in_all_regions(
    server: LocalServer, client_for: Callable[..., Any], accounts: tuple[str, str]
) -> None:
    # Given
    here, there = (
        client_for("iam", server, access_key_id=accounts[0], region=region) for region in REGIONS
    )
    other = client_for("iam", server, access_key_id=accounts[1])
    # When
    here.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)
    other.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)
    # Then
    arns = {client.get_role(RoleName="orders")["Role"]["Arn"] for client in (here, there, other)}
    assert arns == {f"arn:aws:iam::{account}:role/orders" for account in accounts}
    there.delete_role(RoleName="orders")
    assert here.list_roles()["Roles"] == []
    assert len(other.list_roles()["Roles"]) == 1
    other.delete_role(RoleName="orders")


def test_with_check_roles_a_function_needs_a_role_that_trusts_lambda(
    start_server: Callable[..., LocalServer],
    client_for: Callable[..., Any],
    make_function: Callable[..., DeployedFunction],
    accounts: tuple[str, str],
) -> None:
    # Given
    server, account = start_server(sandbox="process", check_roles=True), accounts[0]
    role = f"arn:aws:iam::{account}:role/orders"
    request = {"source": SOURCE, "on": server, "access_key_id": account, "Role": role}
    # When there is no such role, Then the function is refused
    with pytest.raises(Exception, match="cannot be assumed by Lambda"):
        make_function(**request)
    with pytest.raises(Exception, match="Cross-account pass role is not allowed"):
        make_function(**{**request, "Role": f"arn:aws:iam::{accounts[1]}:role/orders"})
    # When there is, Then it is taken
    iam = client_for("iam", server, access_key_id=account)
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUSTING)
    make_function(**request, Environment={"Variables": {"WHERE": "x"}})
