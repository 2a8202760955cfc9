"""Mail over the team's own SMTP server, where the settings name one."""

import smtplib
import ssl
from email.message import EmailMessage

from webapp.config import Settings

TIMEOUT_SECONDS = 10.0


class MailFailed(RuntimeError):
    """A mail could not be handed over; the text says why, without what was in it."""


def is_on(settings: Settings) -> bool:
    """Whether mail can be sent."""
    return settings.smtp_host is not None


def site(settings: Settings) -> str:
    """Where people open Leadloop, for links in mails."""
    return (settings.public_url or settings.address).rstrip("/")


def send(settings: Settings, to: str, subject: str, text: str) -> None:
    """Hand over one mail; else `MailFailed`. Not inside a transaction: it may take its time."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, to, subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        with _connected(settings) as server:
            if settings.smtp_username is not None and settings.smtp_password is not None:
                server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused:
        raise MailFailed("The mail server refuses this address.") from None
    except smtplib.SMTPAuthenticationError:
        raise MailFailed("The mail server refuses user name and password.") from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailFailed(f"The mail server cannot be used ({type(error).__name__}).") from None


def _connected(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host or "", settings.smtp_port
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server
