"""`ondol admin`: what only who operates a platform does, on the machine that holds its data folder."""

from __future__ import annotations

from cyclopts import App

app = App(name="admin", help="Operate a platform, on the machine that holds its data folder.")
app.command("ondol.cli.user:app", name="user", help="Make accounts and their tokens; limit them.")
app.command("ondol.cli.project:app", name="project", help="Make projects that tasks are booked on, and budgets.")
app.command("ondol.cli.budget_admin:app", name="budget", help="Say how much carbon and energy work may use.")
app.command("ondol.cli.tariff:app", name="tariff", help="Say what a core-hour costs.")
app.command("ondol.cli.image:app", name="image", help="Container images on this machine.")
