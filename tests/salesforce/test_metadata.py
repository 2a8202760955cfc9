"""The metadata that administrators deploy has the fields that we write, as we write them."""

import json
from xml.etree import ElementTree

import pytest

from demo.salesforce.org.objects import all_objects
from sync.salesforce.access import LEAD_FIELDS, OPPORTUNITY_FIELDS
from tests.demo import recordings
from tests.factories import FIELDS
from webapp.config import ROOT, Settings
from webapp.services.crm.kinds.salesforce import STABLE, WRITTEN

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


def granted(editable):
    """The fields that the permission set shows, by whether it lets them be changed."""
    [path] = (SOURCE / "permissionsets").iterdir()
    fields = root_of(path).findall("m:fieldPermissions", NAMESPACE)
    return {
        each.findtext("m:field", namespaces=NAMESPACE)
        for each in fields
        if each.findtext("m:editable", namespaces=NAMESPACE) == editable
    }


def read_of(sobject):
    """The standard fields of an object that the product reads, or knows as sources of a field."""
    if sobject == "Opportunity":
        return set(OPPORTUNITY_FIELDS)
    mapped = {field.salesforce for field in FIELDS.declared if field.salesforce}
    return {name for name in (*LEAD_FIELDS, *mapped, *STABLE) if "." not in name}


def permission(field):
    """Under which name field-level security has a field, or None where it always shows.

    The parts of an address are shown together, although the describe calls each permissionable.
    """
    if not field["permissionable"]:
        return None
    compound = field["compoundFieldName"]
    return compound if compound and compound != field["name"] else field["name"]


def test_the_permission_set_lets_the_score_fields_be_written_and_no_other():
    assert granted("true") == {f"Lead.{name}" for name in WRITTEN}


@pytest.mark.parametrize("sobject", ["Lead", "Opportunity"])
def test_the_permission_set_shows_what_is_read_wherever_salesforce_lets_it(sobject):
    """Salesforce refuses a permission set that lists a field which always shows."""
    fields = {field["name"]: field for field in recordings.describe(sobject)["fields"]}
    # Codes of state and country exist only in orgs with picklists for them, in the address too.
    wanted = read_of(sobject) - {"StateCode", "CountryCode"}
    needed = {f"{sobject}.{name}" for n in wanted if (name := permission(fields[n]))}
    assert {name for name in granted("false") if name.startswith(f"{sobject}.")} == needed


def test_the_permission_set_lets_leads_be_edited_and_nothing_else():
    [path] = (SOURCE / "permissionsets").iterdir()
    for each in root_of(path).findall("m:objectPermissions", NAMESPACE):
        allowed = {tag.tag.split("}")[1] for tag in each if tag.text == "true"}
        is_lead = each.findtext("m:object", namespaces=NAMESPACE) == "Lead"
        assert allowed <= {"allowRead", "viewAllRecords", *(["allowEdit"] if is_lead else [])}


def test_the_project_speaks_the_version_of_the_api_that_we_call():
    project = json.loads((PROJECT / "sfdx-project.json").read_text())
    default = Settings.model_fields["salesforce_api_version"].default
    assert project["sourceApiVersion"] == default
