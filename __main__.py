"""The program: one validated configuration, the platform, and every system of the stack; or what must exist before."""

from pathlib import Path

import pulumi

from infra.alias_urns import leave_out_alias_urns
from infra.bootstrap import Bootstrap, BootstrapSettings, is_bootstrap
from infra.dependents import skip_dependents_of_failures, without_failures
from infra.deployed import Deployed
from infra.existing import take_over
from infra.former_names import keep_renamed
from infra.platform import Platform
from infra.settings import Settings
from ml.recipes import build, build_table
from ml.recipes.soft_delete import guard

leave_out_alias_urns()
skip_dependents_of_failures()
if is_bootstrap():
    keep_renamed()
    pulumi.export("bootstrap", without_failures(Bootstrap("bootstrap", BootstrapSettings.load(), guard).outputs))
else:
    settings = Settings.load()
    found = {path.parent.name for path in Path(__file__).parent.glob("ml/systems/*/system.py")}
    deployed = Deployed.read()
    settings.check_systems(found, deployed.systems)
    settings.check_network(deployed.network_profile)

    keep_renamed(settings.systems)
    take_over(settings, deployed)
    platform = Platform("platform", settings, guard)
    pulumi.export("platform", without_failures(platform.outputs))
    for name in settings.systems:
        pulumi.export(name, without_failures(build(name, platform).outputs))
    for name in settings.data_factory.flows:
        build_table(name, platform)
