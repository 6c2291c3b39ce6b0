"""Pages about others: people, their invitations, their organisations. They stand on the same blueprint as views.py."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for

from ..kernel.clock import now
from ..kernel.errors import Invalid, NotFound
from ..kernel.i18n import gettext as _
from ..kernel.pages import paginate
from ..kernel.web import page_number
from . import resets, service, shown
from .access import actor, allow
from .blueprint import Answer, pages
from .forms import InvitationForm, OrganisationForm, PeopleFilter, RolesForm, text
from .models import Organisation, User
from .rules import OrganisationKind, Permission, Role, UserState, may_manage

CHOICES_MAX = 500


@pages.get("/people")
@allow(Permission.READ_PEOPLE)
def people() -> Answer:
    """The accounts one may see."""
    form = PeopleFilter(request.args)
    everybody = [("", _("All"))]
    houses = [(str(row.id), row.name) for row in _organisations()]
    form.organisation.choices = everybody + houses
    form.role.choices = everybody + list(shown.role_names().items())
    form.state.choices = everybody + list(shown.state_names().items())
    query = service.visible_to_people(
        actor(),
        organisation_id=_number(form.organisation.data),
        role=form.role.data or "",
        state=form.state.data or "",
        search=text(form.q),
    )
    page = paginate(query, page_number())
    return render_template(
        "accounts/people.html",
        page=page,
        form=form,
        several=len(houses) > 1,
        roles_text=shown.roles_text,
        filtered=any(form.data.values()),
    )


@pages.get("/people/<int:user_id>")
@allow(Permission.READ_PEOPLE)
def person(user_id: int) -> Answer:
    """One account."""
    return _person(service.get_user(user_id, actor()))


@pages.post("/people/<int:user_id>/roles")
@allow(Permission.MANAGE_PEOPLE)
def change_roles(user_id: int) -> Answer:
    """Give somebody other roles."""
    row = service.get_user(user_id, actor())
    form = RolesForm()
    form.roles.choices = shown.role_choices(service.roles_to_give(row.organisation, actor()))
    if form.validate_on_submit():
        try:
            service.change_roles(row, _roles(form.roles.data), by=actor())
        except Invalid as error:
            form.reject(error)
        else:
            flash(_("Saved. The new roles hold from now on."), "success")
            return redirect(url_for(".person", user_id=row.id), 303)
    return _person(row, form)


@pages.post("/people/<int:user_id>/close")
@allow(Permission.MANAGE_PEOPLE)
def close_account(user_id: int) -> Answer:
    """Close the account of somebody who leaves."""
    row = service.get_user(user_id, actor())
    service.leave(row, by=actor())
    flash(_("The account of %(name)s is closed, and all its sign-ins have ended.", name=row.name), "success")
    return redirect(url_for(".person", user_id=row.id), 303)


@pages.route("/people/<int:user_id>/reset-link", methods=["GET", "POST"])
@allow(Permission.MANAGE_PEOPLE)
def reset_link(user_id: int) -> Answer:
    """Make a link by which somebody chooses a new password, and show it to be handed over."""
    row = service.get_user(user_id, actor())
    if request.method == "POST":
        shown.hand("reset", row.id, resets.give_reset(row, by=actor()))
        return redirect(url_for(".reset_link", user_id=row.id), 303)
    token = shown.handed("reset", row.id)
    link = shown.address(url_for(".reset", token=token)) if token else ""
    return render_template("accounts/reset_link.html", person=row, code=shown.code(link) if link else None)


@pages.get("/invitations")
@allow(Permission.INVITE_PEOPLE)
def invitations() -> Answer:
    """The invitations one may see."""
    page = paginate(service.visible_to_invitations(actor()), page_number())
    return render_template(
        "accounts/invitations.html",
        page=page,
        names=service.names_of({row.created_by for row in page.rows}),
        states={row.id: shown.invitation_state(row.state(now())) for row in page.rows},
        open_ids={row.id for row in page.rows if row.accepted_at is None and row.revoked_at is None},
        roles_text=shown.roles_text,
        several=actor().sees_platform,
    )


@pages.get("/invitations/new")
@allow(Permission.INVITE_PEOPLE)
def new_invitation() -> Answer:
    """Whom to invite."""
    return _invitation_page(_invited_organisation(), InvitationForm(None))


@pages.post("/invitations")
@allow(Permission.INVITE_PEOPLE)
def invite() -> Answer:
    """Make an invitation; `organisation` comes in the address, one's own without it."""
    organisation = _invited_organisation()
    form = InvitationForm()
    form.roles.choices = shown.role_choices(service.roles_to_give(organisation, actor()))
    if form.validate_on_submit():
        try:
            issued = service.invite(
                organisation.id,
                text(form.name),
                _roles(form.roles.data),
                by=actor(),
                subject=text(form.subject),
            )
        except Invalid as error:
            form.reject(error)
        else:
            shown.hand("invitation", issued.invitation.id, issued.token)
            return redirect(url_for(".invitation", invitation_id=issued.invitation.id), 303)
    return _invitation_page(organisation, form), 422


@pages.get("/invitations/<int:invitation_id>")
@allow(Permission.INVITE_PEOPLE)
def invitation(invitation_id: int) -> Answer:
    """One invitation, with its link for whoever has just made it."""
    return _one_invitation("accounts/invitation.html", invitation_id)


@pages.get("/invitations/<int:invitation_id>/code")
@allow(Permission.INVITE_PEOPLE)
def invitation_code(invitation_id: int) -> Answer:
    """The invitation's QR code, large, to be scanned from this screen."""
    return _one_invitation("accounts/invitation_code.html", invitation_id)


@pages.post("/invitations/<int:invitation_id>/revoke")
@allow(Permission.INVITE_PEOPLE)
def revoke_invitation(invitation_id: int) -> Answer:
    """Take an invitation back."""
    service.revoke(service.get_invitation(invitation_id, actor()), by=actor())
    flash(_("The invitation is taken back. Its link no longer works."), "success")
    return redirect(url_for(".invitations"), 303)


@pages.get("/organisations")
@allow(Permission.READ_ORGANISATIONS)
def organisations() -> Answer:
    """Every tenant."""
    page = paginate(service.visible_to_organisations(actor()), page_number())
    return render_template("accounts/organisations.html", page=page, kinds=shown.kind_names())


@pages.route("/organisations/new", methods=["GET", "POST"])
@allow(Permission.WRITE_ORGANISATIONS)
def new_organisation() -> Answer:
    """Add a tenant."""
    form = OrganisationForm()
    kinds = shown.kind_names()
    form.kind.choices = [(kind, kinds[kind]) for kind in (OrganisationKind.MCN, OrganisationKind.ROOM_OPERATOR)]
    if form.validate_on_submit():
        try:
            row = service.create_organisation(OrganisationKind(form.kind.data), text(form.name), by=actor())
        except Invalid as error:
            form.reject(error)
        else:
            flash(_("%(name)s is added. Invite the first person there now.", name=row.name), "success")
            return redirect(url_for(".new_invitation", organisation=row.id), 303)
    page = render_template("accounts/new_organisation.html", form=form)
    return (page, 422) if form.is_submitted() else page


def _person(row: User, form: RolesForm | None = None) -> Answer:
    by = actor()
    manages = row.state == UserState.ACTIVE and may_manage(by, row.organisation_id)
    sent = form is not None
    if form is None:
        form = RolesForm(None, roles=sorted(row.roles))
        form.roles.choices = shown.role_choices(service.roles_to_give(row.organisation, by))
    page = render_template(
        "accounts/person.html",
        person=row,
        roles=shown.roles_text(row.roles),
        form=form if manages and form.roles.choices else None,
        manages=manages,
        myself=row.id == by.user_id,
        kinds=shown.kind_names(),
    )
    return (page, 422) if sent else page


def _invitation_page(organisation: Organisation, form: InvitationForm) -> str:
    by = actor()
    form.roles.choices = shown.role_choices(service.roles_to_give(organisation, by))
    if not form.is_submitted():
        form.subject.data = request.args.get("subject", "")
        form.name.data = request.args.get("name", "")
        form.roles.data = request.args.getlist("role")
    return render_template(
        "accounts/new_invitation.html", form=form, organisation=organisation, organisations=_organisations()
    )


def _invited_organisation() -> Organisation:
    """The organisation named in the address, one's own without it.

    Raises: NotFound also where one may see it but not invite into it.
    """
    by = actor()
    row = service.get_organisation(_number(request.args.get("organisation")) or by.organisation_id or 0, by)
    if not service.roles_to_give(row, by):
        raise NotFound(_("There is no such organisation."))
    return row


def _one_invitation(template: str, invitation_id: int) -> Answer:
    row = service.get_invitation(invitation_id, actor())
    token = shown.handed("invitation", row.id)
    link = shown.address(url_for(".join", token=token)) if token else ""
    return render_template(
        template,
        invitation=row,
        roles=shown.roles_text(row.given_roles),
        state=shown.invitation_state(row.state(now())),
        code=shown.code(link) if link else None,
    )


def _organisations() -> list[Organisation]:
    return list(paginate(service.visible_to_organisations(actor()), size=CHOICES_MAX).rows)


def _roles(chosen: list[str] | None) -> frozenset[Role]:
    return frozenset(Role(name) for name in chosen or ())


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else None
