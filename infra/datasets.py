"""What a Data Factory reads and writes, by parameters: any file and folder of the lake, any table of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import datafactory as adf

from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.placement import Placement

FILE, FOLDER, TABLE = "file", "folder", "table"


@dataclass(frozen=True, kw_only=True)
class DatasetsArgs:
    """`links`: the factory's linked services by name, `lake` among them."""

    placement: Placement
    factory_name: str
    links: Mapping[str, pulumi.Resource]
    after: Sequence[pulumi.Resource]


class Datasets(pulumi.ComponentResource):
    """A delimited text file of the lake, a folder that such files are written to, and, where the stack has a database,
    a table of it. They cost nothing and hold nothing.
    """

    def __init__(self, name: str, args: DatasetsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:datafactory:Datasets", name, None, opts)
        self._name, self._args = name, args
        self.made = [self._text(FILE, ("container", "folder", "file")), self._text(FOLDER, ("container", "folder"))]
        if "sql" in args.links:
            self.made.append(self._table())
        self.register_outputs({})

    def _text(self, name: str, parameters: Sequence[str]) -> adf.Dataset:
        """Comma-separated, with a header; which columns there are, whoever reads it says."""
        return self._dataset(
            name,
            adf.DelimitedTextDatasetArgs(
                type="DelimitedText",
                linked_service_name=_link("lake"),
                parameters=_texts(parameters),
                location=adf.AzureBlobFSLocationArgs(
                    type="AzureBlobFSLocation",
                    file_system=_parameter("container"),
                    folder_path=_parameter("folder"),
                    file_name=_parameter("file") if "file" in parameters else None,
                ),
                column_delimiter=",",
                quote_char='"',
                escape_char='"',
                first_row_as_header=True,
                schema=[],
            ),
            "lake",
        )

    def _table(self) -> adf.Dataset:
        properties = adf.AzureSqlTableDatasetArgs(
            type="AzureSqlTable",
            linked_service_name=_link("sql"),
            parameters=_texts([TABLE]),
            schema="dbo",
            table=_parameter(TABLE),
        )
        return self._dataset(TABLE, properties, "sql")

    def _dataset(
        self,
        name: str,
        properties: adf.DelimitedTextDatasetArgs | adf.AzureSqlTableDatasetArgs,
        link: str,
    ) -> adf.Dataset:
        args = self._args
        return adf.Dataset(
            f"{self._name}-{name}",
            dataset_name=args.placement.naming.name(Kind.DATA_FACTORY_DATASET, name),
            factory_name=args.factory_name,
            resource_group_name=args.placement.resource_group_name,
            properties=properties,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.after, args.links[link]]),
        )


def _link(name: str) -> adf.LinkedServiceReferenceArgs:
    return adf.LinkedServiceReferenceArgs(reference_name=name, type="LinkedServiceReference")


def _texts(names: Sequence[str]) -> dict[str, adf.ParameterSpecificationArgs]:
    return {name: adf.ParameterSpecificationArgs(type="String") for name in names}


def _parameter(name: str) -> dict[str, Any]:
    return {"value": f"@dataset().{name}", "type": "Expression"}
