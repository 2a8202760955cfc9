"""The metadata that administrators deploy has the fields that we write, as we write them."""

import json
from xml.etree import ElementTree

import pytest

from demo.salesforce.org.objects import all_objects
from webapp.config import ROOT, Settings
from webapp.services.crm.field_sources import WRITTEN

PROJECT = ROOT / "salesforce"
SOURCE = PROJECT / "force-app/main/default"
NAMESPACE = {"m": "http://soap.sforce.com/2006/04/metadata"}
TYPES = {
    "Number": "double",
    "Picklist": "picklist",
    "LongTextArea": "textarea",
    "DateTime": "datetime",
    "Text": "string",
}


def root_of(path):
    return ElementTree.parse(path).getroot()


@pytest.mark.parametrize("name", WRITTEN)
def test_each_field_that_we_write_is_declared_with_the_type_we_write(name):
    field = root_of(SOURCE / f"objects/Lead/fields/{name}.field-meta.xml")
    assert field.findtext("m:fullName", namespaces=NAMESPACE) == name
    declared = TYPES[field.findtext("m:type", namespaces=NAMESPACE) or ""]
    assert declared == all_objects()["lead"].fields[name.lower()].type


def test_no_other_field_is_deployed():
    files = (SOURCE / "objects/Lead/fields").iterdir()
    assert {f.name.removesuffix(".field-meta.xml") for f in files} == set(WRITTEN)


def test_a_field_of_the_picklist_takes_values_that_are_not_listed():
    field = root_of(SOURCE / "objects/Lead/fields/Conversion_Band__c.field-meta.xml")
    assert field.findtext("m:valueSet/m:restricted", namespaces=NAMESPACE) == "false"


def test_the_permission_set_grants_what_we_write_and_nothing_more():
    [path] = (SOURCE / "permissionsets").iterdir()
    granted = root_of(path)
    fields = granted.findall("m:fieldPermissions", NAMESPACE)
    by_right: dict[str, set[str]] = {"true": set(), "false": set()}
    for each in fields:
        right = each.findtext("m:editable", namespaces=NAMESPACE) or ""
        by_right[right].add(each.findtext("m:field", namespaces=NAMESPACE) or "")
    assert by_right["true"] == {f"Lead.{name}" for name in WRITTEN}
    # The others that we read are shown to whoever may read an opportunity.
    assert by_right["false"] == {"Opportunity.LeadSource"}
    objects = granted.findall("m:objectPermissions", NAMESPACE)
    for each in objects:
        allowed = {tag.tag.split("}")[1] for tag in each if tag.text == "true"}
        is_lead = each.findtext("m:object", namespaces=NAMESPACE) == "Lead"
        assert allowed <= {"allowRead", "viewAllRecords", *(["allowEdit"] if is_lead else [])}


def test_the_project_speaks_the_version_of_the_api_that_we_call():
    project = json.loads((PROJECT / "sfdx-project.json").read_text())
    default = Settings.model_fields["salesforce_api_version"].default
    assert project["sourceApiVersion"] == default
