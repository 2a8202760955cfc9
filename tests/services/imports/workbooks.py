"""Workbooks as spreadsheets save them, small and hostile ones."""

import zipfile
from xml.sax.saxutils import escape

TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def write_workbook(path, sheets):
    """Write sheets of rows by name; a cell is text, a number, True, False or None."""
    return write_raw(path, {name: _sheet(rows) for name, rows in sheets.items()})


def write_raw(path, sheets):
    """Write a workbook whose sheets are given as XML."""
    listed, related = "", ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        for number, (name, xml) in enumerate(sheets.items(), 1):
            part = f"worksheets/sheet{number}.xml"
            listed += f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
            related += (
                f'<Relationship Id="rId{number}" Type="{RELATIONS}/worksheet" Target="{part}"/>'
            )
            parts.writestr(f"xl/{part}", xml)
        parts.writestr("[Content_Types].xml", TYPES)
        parts.writestr("_rels/.rels", _relations("xl/workbook.xml", "officeDocument"))
        parts.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets></workbook>',
        )
        parts.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}">{related}</Relationships>',
        )
    return path


def _relations(target, kind):
    return (
        f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1"'
        f' Type="{RELATIONS}/{kind}" Target="{target}"/></Relationships>'
    )


def _sheet(rows):
    cells = "".join(
        f'<row r="{number}">{_cells(number, row)}</row>' for number, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'


def _cells(number, row):
    return "".join(_cell(f"{chr(65 + n)}{number}", cell) for n, cell in enumerate(row))


def _cell(place, value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
