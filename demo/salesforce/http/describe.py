"""What the org says of an object and its fields, in all the keys that Salesforce sends."""

from typing import Any

from demo.salesforce.org.schema import ID_TYPES, TEXT_TYPES, SField, SObject

SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
UNGROUPABLE = frozenset({"double", "currency", "percent", "datetime", "address"})

# Keys that say nothing about these fields, with the value that they have then.
FIELD_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("aiPredictionField", "autoNumber", "calculated", "cascadeDelete", "caseSensitive"),
            *("dependentPicklist", "deprecatedAndHidden", "displayLocationInDecimal", "encrypted"),
            *("externalId", "formulaTreatNullNumberAsZero", "highScaleNumber", "htmlFormatted"),
            *("restrictedDelete", "searchPrefilterable", "unique", "writeRequiresMasterRead"),
        ),
        False,
    ),
    **dict.fromkeys(
        (
            *("calculatedFormula", "controllerName", "defaultValueFormula", "extraTypeInfo"),
            *("filteredLookupInfo", "inlineHelpText", "mask", "maskType", "referenceTargetField"),
            "relationshipOrder",
        ),
        None,
    ),
}
OBJECT_DEFAULTS: dict[str, Any] = {
    **{
        name: []
        for name in (
            *("actionOverrides", "childRelationships", "namedLayoutInfos", "recordTypeInfos"),
            "supportedScopes",
        )
    },
    **dict.fromkeys(
        (
            *("activateable", "custom", "customSetting", "deepCloneable", "deprecatedAndHidden"),
            *("hasSubtypes", "isInterface", "isSubtype", "mergeable"),
        ),
        False,
    ),
    **dict.fromkeys(
        (
            *("associateEntityType", "associateParentEntity", "defaultImplementation"),
            *("extendedBy", "extendsInterfaces", "implementedBy", "implementsInterfaces"),
            *("listviewable", "lookupLayoutable", "networkScopeFieldName"),
        ),
        None,
    ),
    **dict.fromkeys(
        (
            *("compactLayoutable", "createable", "deletable", "feedEnabled", "layoutable"),
            *("mruEnabled", "queryable", "replicateable", "retrieveable", "searchLayoutable"),
            *("searchable", "triggerable", "undeletable", "updateable"),
        ),
        True,
    ),
    "sobjectDescribeOption": "FULL",
}


def describe_object(described: SObject, root: str) -> dict[str, Any]:
    """The body of `sobjects/Lead/describe`; `root` is the path of the API version."""
    return summarise(described, root) | {
        "fields": [describe_field(each) for each in described.visible],
    }


def summarise(described: SObject, root: str) -> dict[str, Any]:
    """An object as the list of all objects shows it."""
    place = f"{root}/sobjects/{described.name}"
    return OBJECT_DEFAULTS | {
        "name": described.name,
        "label": described.label,
        "labelPlural": described.plural,
        "keyPrefix": described.prefix,
        "mergeable": described.name == "Lead",
        "urls": {
            "sobject": place,
            "describe": f"{place}/describe",
            "rowTemplate": f"{place}/{{ID}}",
        },
    }


def describe_field(field: SField) -> dict[str, Any]:
    is_text = field.type in TEXT_TYPES
    return FIELD_DEFAULTS | {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "byteLength": field.length * 3 if is_text else field.length,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.digits,
        "custom": field.is_custom,
        "calculated": field.is_calculated,
        "updateable": field.updateable,
        "createable": field.createable,
        "nillable": field.nillable,
        "filterable": field.filterable,
        "sortable": field.sortable,
        "defaultedOnCreate": field.defaulted,
        "defaultValue": False if field.type == "boolean" else None,
        "aggregatable": field.filterable and field.type not in {"boolean", "address"},
        "groupable": field.type not in UNGROUPABLE and field.length <= 255,
        "permissionable": field.is_custom,
        "nameField": field.is_name,
        "idLookup": field.type == "id",
        "queryByDistance": field.type == "address",
        "compoundFieldName": field.compound,
        "referenceTo": list(field.refers_to) if field.type in ID_TYPES else [],
        "relationshipName": field.relationship,
        "polymorphicForeignKey": len(field.refers_to) > 1,
        "namePointing": len(field.refers_to) > 1,
        "restrictedPicklist": field.is_restricted,
        "picklistValues": [
            *(picklist_value(value) for value in field.choices),
            *(picklist_value(value) | {"active": False} for value in field.inactive),
        ],
    }


def picklist_value(value: str) -> dict[str, Any]:
    return {
        "active": True,
        "defaultValue": False,
        "label": value,
        "validFor": None,
        "value": value,
    }
