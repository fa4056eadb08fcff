"""Settings of the notifications. They stand alone because only `volcast run --live` and `volcast notify` use them."""

from pydantic import BaseModel, Field

from . import values


class NotificationSettings(BaseModel):
    """Where notifications are sent, and which."""

    notify: values.Secrets = Field(
        (),
        description="Where `volcast run --live` sends notifications. A flag is visible to other users: the variable is not.",
        json_schema_extra={"allowed": "URLs of Apprise, separated by spaces, as in ntfy://TOPIC", "repeatable": True},
    )
    notify_tiers: values.Tiers = Field(
        ("page", "ticket"),
        description="Tiers of events that are sent; thresholds of `alert` always are.",
        json_schema_extra={"allowed": "any of page, ticket, info; separated by commas"},
    )
    notify_cooldown_s: int = Field(
        900, ge=0, le=86_400, description="Seconds after a notification in which the same thing is not notified again."
    )
    alert: values.Lines = Field(
        (),
        description="Thresholds to be notified of, as in 'BTCUSDT volatility_annualized > 90%' or 'volatility / usual > 2'.",
        json_schema_extra={"allowed": "[SYMBOL] FIELD [/ FIELD] > NUMBER[%]; separated by semicolons", "repeatable": True},
    )
    alert_before_warm: bool = Field(default=False, description="Apply the thresholds to signals that are not warm, too.")
