"""A gate between a test and a function that answers bit by bit: the function goes on when the test
lets it, so that nothing has to be timed. What the test says is a tag of the function.
"""

from __future__ import annotations

from dataclasses import dataclass

from support.clients import ACCOUNT
from support.functions import DeployedFunction

# The function's side: `import gate`, and gate.wait(number) before it goes on.
SOURCE = f"""
import os
import time

import boto3

client = boto3.client("lambda")
region, name = os.environ["AWS_REGION"], os.environ["AWS_LAMBDA_FUNCTION_NAME"]
arn = f"arn:aws:lambda:{{region}}:{ACCOUNT}:function:{{name}}"


def wait(number):
    while int(client.list_tags(Resource=arn)["Tags"].get("gate", 0)) < number:
        time.sleep(0.01)
"""


@dataclass(frozen=True)
class Gate:
    """The test's side."""

    function: DeployedFunction

    def open(self, number: int) -> None:
        """Let the function go on from `gate.wait(number)`, and from those before."""
        self.function.client.tag_resource(Resource=self.function.arn, Tags={"gate": str(number)})
