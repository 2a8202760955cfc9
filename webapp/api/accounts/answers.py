"""Shapes of the answers about API keys."""

from pydantic import BaseModel, Field

from webapp.api.answers import Moment


class Key(BaseModel):
    """An API key; its text is not kept."""

    id: int
    name: str
    last_four: str
    scopes: list[str]
    origins: list[str] = Field(description="Of a form key: the sites that it is good on.")
    ignores_unknown: bool = Field(description="Whether fields that are not known are left out.")
    created_by: str
    created_at: Moment
    used_at: Moment | None = Field(description="The last use, to about five minutes.")
    expires_at: Moment | None = Field(description="Good until then; null: until it is revoked.")
    orphaned_at: Moment | None = Field(
        description="Since when its account is off or no administrator, so that it does not work."
    )
    revoked_at: Moment | None


class NewKey(Key):
    """A key just made: its text is shown this once."""

    key: str


class Keys(BaseModel):
    """All keys, the newest first."""

    keys: list[Key]
