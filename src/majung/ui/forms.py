"""How Django forms are drawn: one field template for all of them, and the attributes a control needs."""

from typing import Any

from django import forms
from django.forms import BoundField
from django.forms.renderers import DjangoTemplates, TemplatesSetting
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.safestring import SafeString


class Renderer(TemplatesSetting):
    """Draws forms and fields with our templates; widgets keep Django's own, found beside them."""

    form_template_name = "ui/forms/form.html"
    field_template_name = "ui/forms/field.html"

    def get_template(self, template_name: str) -> Any:
        """Our template of that name, otherwise Django's own."""
        try:
            return get_template(template_name)
        except TemplateDoesNotExist:
            return DjangoTemplates().get_template(template_name)


def kind(field: BoundField) -> str:
    """How the field is laid out: check (one box), choices (radios or boxes), file, select, area or plain."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, forms.FileInput):
        return "file"
    if isinstance(widget, forms.Select):
        return "select"
    return "area" if isinstance(widget, forms.Textarea) else "plain"


CLASSES = {"check": "form-check-input", "select": "form-select", "choices": ""}


def control(field: BoundField) -> SafeString:
    """The widget with our class, and with hint and errors tied to it for screen readers."""
    own = field.field.widget.attrs
    attrs: dict[str, Any] = {"class": f"{CLASSES.get(kind(field), 'form-control')} {own.get('class', '')}".strip()}
    if kind(field) == "area" and own.get("rows") == "10":  # Django's own default is too tall
        attrs["rows"] = 4
    tied = [f"{field.auto_id}_hint"] * bool(field.help_text) + [f"{field.auto_id}_error"] * bool(field.errors)
    if tied and field.auto_id:
        attrs["aria-describedby"] = " ".join(tied)
    if field.errors:
        attrs["aria-invalid"] = "true"
    return field.as_widget(attrs=attrs)
