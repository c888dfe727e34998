"""A resource plugin named `azure-native` for machines where Pulumi's own is not installed.

It knows the types of `emulator/resource_types`, turns inputs into ARM requests as Pulumi's plugin does, and serves
previews with no endpoint and no credential. Outside a preview it only talks to the emulator of this checkout
(`guard.py`).
"""
