"""cluster/aws.yaml: Ray accepts it, and what Ray's launcher makes of it has none of the launcher's unsafe defaults.

The launcher's own code runs here, against a simulated AWS account. A real account has not been tried.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[1]
CLUSTERS = sorted(file for file in (ROOT / "cluster").glob("*.yaml") if file.stem != "aws-account")
SPOT = {"cpu-sampler", "gpu-fitter"}
REGION = "us-west-2"
ADMIN_CIDR = "203.0.113.7/32"


def prepared(file: Path) -> dict[str, Any]:
    """The configuration with Ray's defaults filled in, as `ray up` uses it."""
    from ray.autoscaler._private.util import prepare_config

    return prepare_config(yaml.safe_load(file.read_text()))


@pytest.fixture
def aws() -> dict[str, Any]:
    return prepared(ROOT / "cluster" / "aws.yaml")


@pytest.mark.parametrize("file", CLUSTERS, ids=lambda file: file.name)
def test_ray_accepts_it(file):
    from ray.autoscaler._private.util import validate_config

    validate_config(prepared(file))


def test_ray_refuses_unknown_keys():
    import jsonschema
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "cluster" / "aws.yaml").read_text())
    with pytest.raises(jsonschema.ValidationError, match="initial_workers"):
        validate_config(prepare_config({**config, "initial_workers": 2}))


def test_dashboard_listens_on_the_head_alone(aws):
    commands = aws["head_start_ray_commands"]
    assert [re.findall(r"--dashboard-host=(\S+)", command) for command in commands if "--head" in command] == [
        ["127.0.0.1"]
    ]
    assert "0.0.0.0" not in json.dumps(aws)


def test_every_node_requires_the_token(aws):
    for commands in (aws["head_start_ray_commands"], aws["worker_start_ray_commands"]):
        starts = [command for command in commands if "ray start" in command]
        assert len(starts) == 1
        assert "RAY_AUTH_MODE=token ray start" in starts[0]
    assert aws["file_mounts"]["/home/ubuntu/.ray/auth_token"] == "~/.ray/auth_token"
    assert "chmod 600 ~/.ray/auth_token" in aws["setup_commands"]


def test_other_mounted_files_are_the_repository_s(aws):
    mounted = [local for local in aws["file_mounts"].values() if not local.startswith("~")]
    assert "constraints.txt" in mounted
    assert all((ROOT / local).exists() for local in mounted)


def test_nodes_are_installed_from_the_tested_versions(aws):
    assert "make -C ~/hdray setup PYTHON=python3.12" in aws["setup_commands"]
    commands = [aws[key] for key in ("setup_commands", "head_setup_commands", "worker_setup_commands")]
    assert not any("pip install" in command for group in commands for command in group)


def test_spot_for_what_may_be_lost(aws):
    for name, node in aws["available_node_types"].items():
        market = node["node_config"].get("InstanceMarketOptions", {}).get("MarketType")
        assert market == ("spot" if name in SPOT else None), name
    assert set(aws["available_node_types"]) == {"head", "gpu-trainer"} | SPOT
    assert aws["provider"]["cache_stopped_nodes"] is False


def test_nothing_is_scheduled_on_the_head_and_no_worker_is_kept(aws):
    assert aws["available_node_types"]["head"]["resources"] == {"CPU": 0}
    assert {node.get("min_workers", 0) for node in aws["available_node_types"].values()} == {0}


def test_every_node_has_its_own_role_groups_and_image(aws):
    for name, node in aws["available_node_types"].items():
        config = node["node_config"]
        assert config["IamInstanceProfile"] == {"Name": "hdray-head" if name == "head" else "hdray-worker"}
        assert config["SecurityGroupIds"]
        # EC2 would take more than an id; Ray's launcher looks the image up and takes nothing else.
        assert re.fullmatch(r"ami-[0-9a-f]+", config["ImageId"])
        assert config["MetadataOptions"]["HttpTokens"] == "required"
        assert all(disk["Ebs"]["Encrypted"] for disk in config["BlockDeviceMappings"])


def test_cloudformation_accepts_the_account(tmp_path):
    """AWS's own linter; among other things it refuses the YAML aliases that CloudFormation cannot read."""
    linter = Path(sys.executable).with_name("cfn-lint")
    result = subprocess.run(
        [linter, ROOT / "cluster" / "aws-account.yaml"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (result.returncode, result.stdout) == (0, "")


class Account:
    """A simulated AWS account in which cluster/aws-account.yaml was deployed."""

    def __init__(self, endpoint: str) -> None:
        import boto3

        self.client = lambda service: boto3.client(service, region_name=REGION, endpoint_url=endpoint)
        self.ec2, self.iam = self.client("ec2"), self.client("iam")
        vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        parameters = {"Vpc": vpc, "AdminCidr": ADMIN_CIDR, "Bucket": "shapes"}
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName="hdray",
            TemplateBody=(ROOT / "cluster" / "aws-account.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        stack = formation.describe_stacks(StackName="hdray")["Stacks"][0]
        self.group = stack["Outputs"][0]["OutputValue"]
        self.image = self.ec2.register_image(Name="hdray-test")["ImageId"]

    def group_ids(self) -> set[str]:
        return {group["GroupId"] for group in self.ec2.describe_security_groups()["SecurityGroups"]}

    def rules(self) -> list[dict[str, Any]]:
        groups = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"]
        return groups[0]["IpPermissions"]

    def role_names(self) -> set[str]:
        return {role["RoleName"] for role in self.iam.list_roles()["Roles"]}

    def statements(self, role: str) -> list[dict[str, Any]]:
        """All statements of the policies of a role."""
        documents = []
        for policy in self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            version = self.iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = self.iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
            documents.append(found["PolicyVersion"]["Document"])
        return [statement for document in documents for statement in document["Statement"]]


@pytest.fixture(scope="module")
def account(aws_server: str) -> Account:
    return Account(aws_server)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of this test's own: the launcher writes the key pair that it creates into ~/.ssh."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()


def test_the_account_lets_in_ssh_from_the_administrators_alone(account):
    assert len(account.rules()) == 2
    for rule in account.rules():
        if rule["IpProtocol"] == "-1":
            assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [account.group]
            assert rule["IpRanges"] == []
        else:
            assert (rule["FromPort"], rule["ToPort"]) == (22, 22)
            assert [addresses["CidrIp"] for addresses in rule["IpRanges"]] == [ADMIN_CIDR]


def test_roles_reach_one_bucket_and_the_cluster_s_own_nodes(account):
    worker, head = account.statements("hdray-worker"), account.statements("hdray-head")
    assert all(action.startswith("s3:") for statement in worker for action in statement["Action"])
    assert {resource for statement in worker for resource in as_list(statement["Resource"])} == {
        "arn:aws:s3:::shapes",
        "arn:aws:s3:::shapes/*",
    }
    actions = {action for statement in head for action in as_list(statement["Action"])}
    assert not any(action.endswith("*") for action in actions)
    for statement in head:
        if "ec2:TerminateInstances" in as_list(statement["Action"]):
            assert statement["Condition"] == {"StringEquals": {"ec2:ResourceTag/ray-cluster-name": "hdray"}}
        if statement["Action"] == "iam:PassRole":
            assert statement["Resource"].endswith("role/hdray-worker")


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.usefixtures("home")
def test_the_launcher_adds_no_rule_group_or_role(aws, account):
    """Its bootstrap, as in `ray up`: the configuration it ends with, and what it left in the account."""
    from ray.autoscaler._private.aws.config import bootstrap_aws

    for node in aws["available_node_types"].values():
        node["node_config"] |= {"ImageId": account.image, "SecurityGroupIds": [account.group]}
    rules, groups, roles = account.rules(), account.group_ids(), account.role_names()

    config = bootstrap_aws(aws)

    assert (account.rules(), account.group_ids(), account.role_names()) == (rules, groups, roles)
    for name, node in config["available_node_types"].items():
        launched = account.ec2.run_instances(
            MinCount=1,
            MaxCount=1,
            **{key: node["node_config"][key] for key in ("ImageId", "InstanceType", "SecurityGroupIds", "KeyName")},
            SubnetId=node["node_config"]["SubnetIds"][0],
            IamInstanceProfile=node["node_config"]["IamInstanceProfile"],
        )["Instances"][0]
        assert [group["GroupId"] for group in launched["SecurityGroups"]] == [account.group], name
        role = "hdray-head" if name == "head" else "hdray-worker"
        assert launched["IamInstanceProfile"]["Arn"].endswith(f"instance-profile/{role}"), name


@pytest.mark.usefixtures("home")
def test_the_launcher_s_own_group_would_be_open(aws, account):
    """Why the group is ours: the check above fails where the launcher creates one."""
    from ray.autoscaler._private.aws.config import bootstrap_aws

    aws["provider"]["security_group"] = {"GroupName": "made-by-ray", "IpPermissions": []}
    for node in aws["available_node_types"].values():
        node["node_config"]["ImageId"] = account.image
        del node["node_config"]["SecurityGroupIds"]
    before = account.group_ids()
    config = bootstrap_aws(aws)
    (created,) = account.group_ids() - before
    assert config["available_node_types"]["head"]["node_config"]["SecurityGroupIds"] == [created]
    (group,) = account.ec2.describe_security_groups(GroupIds=[created])["SecurityGroups"]
    opened = [cidr["CidrIp"] for rule in group["IpPermissions"] for cidr in rule["IpRanges"]]
    assert opened == ["0.0.0.0/0"]
