"""``samband connector release``: lets a held set pass, after a person has read why it is held."""

from typing import Annotated

import typer


def release(
    name: Annotated[str, typer.Argument(help="The connector's name in samband.toml.")],
    held: Annotated[
        str | None,
        typer.Argument(metavar="[SET]", help="The set's label in held/; all held sets when left out."),
    ] = None,
) -> None:
    """Let held sets pass. The running connector takes them up at its next look into the folder."""
    from bus.settings import SettingsRefusedError, load_settings
    from connectors.kit.drop import DropFolder
    from connectors.kit.runtime import checked
    from connectors.school.settings import SchoolSettings

    settings = load_settings()
    own = settings.connectors.get(name)
    if own is None or own.kind != "school":
        schools = [each for each, connector in settings.connectors.items() if connector.kind == "school"]
        raise SettingsRefusedError(
            f"there is no school connector named {name}", fix=f"name one of: {', '.join(schools) or 'none'}"
        )
    drop = DropFolder(checked(SchoolSettings, name, own.extras).drop)
    for label in drop.ask_release(held):
        typer.echo(f"{label} is released and will be taken up by the connector")
