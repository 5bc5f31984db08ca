// The staff's pages, in one list; what each role may do with them is in rights.ts.
import type Router from '@koa/router'
import { audit } from '../../src/core.ts'
import type { AuditAction } from '../../src/domain/audit-actions.ts'
import type { Letters } from '../../src/usecases/invite.ts'
import { createWatcher } from '../../src/usecases/watcher.ts'
import { type Frame, mount } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { accessActs } from './access-acts.ts'
import { account } from './account.ts'
import { accountActs, onAccount } from './account-acts.ts'
import { accountAppPasswords, newAccountAppPassword } from './account-app-passwords.ts'
import { newAccount } from './account-new.ts'
import { accounts } from './accounts.ts'
import { auditPage, auditVerify, mountExport } from './audit.ts'
import { bulk } from './bulk.ts'
import { clientActs } from './client-acts.ts'
import { client, clients } from './clients.ts'
import { dashboard } from './dashboard.ts'
import { duesPages, mountRoll } from './dues-pages.ts'
import type { Staff } from './frame.ts'
import { keys, rotateKeysPage } from './keys.ts'
import { mailboxActs } from './mailbox-acts.ts'
import { mailbox, mailboxes } from './mailboxes.ts'
import { member } from './member.ts'
import { memberActs, onMember } from './member-acts.ts'
import { newMember } from './member-new.ts'
import { linkAccount, memberPeople } from './member-people.ts'
import { members } from './members.ts'
import { outgoing } from './outgoing.ts'
import { outgoingActs } from './outgoing-acts.ts'
import { heldPage } from './outgoing-held.ts'
import { noticePage, tracePage } from './outgoing-trace.ts'
import { held, plan } from './plans.ts'
import { register } from './register.ts'
import { rotate } from './rotate.ts'
import { service, services } from './services.ts'
import { siteMail } from './site-mail.ts'
import { pendingSiteOf, pendingSites } from './site-registrations.ts'
import { onSite, site, sites } from './sites.ts'
import { suspension } from './suspensions.ts'

/** Taking things along is an act too: it is in the audit, though nothing changed. */
const noting =
  ({ core }: Desk, action: AuditAction, subjectKind: string) =>
  (staff: Staff, subjectId: string, payload: Record<string, unknown>): Promise<void> =>
    core.store.transaction((stores) =>
      audit(core, stores, { action, actor: staff.accountId, subjectKind, subjectId, payload }),
    )

export function mountAdmin(router: Router, desk: Desk, letters: Letters, frame: Frame): void {
  const watcher = createWatcher(desk.core)
  const kitTaken = noting(desk, 'client.kit_taken', 'client')
  const exported = noting(desk, 'audit.exported', 'audit')
  const rollTaken = noting(desk, 'dues.exported', 'organisation')
  const pages = [
    dashboard(desk),
    members(desk),
    // Before the page of one: «new» is no member.
    newMember(desk),
    member(desk),
    ...memberActs(desk),
    memberPeople(desk),
    linkAccount(desk),
    ...accessActs(desk, watcher, 'members', onMember(desk)),
    ...duesPages(desk),
    accounts(desk),
    newAccount(desk, letters),
    account(desk),
    accountAppPasswords(desk),
    newAccountAppPassword(desk),
    ...accountActs(desk, letters),
    ...accessActs(desk, watcher, 'accounts', onAccount(desk)),
    bulk(desk, watcher),
    suspension(desk, watcher),
    services(desk),
    service(desk),
    plan(desk),
    held(desk),
    clients(desk),
    // Before the page of one: «new» is no client.
    register(desk),
    client(desk),
    ...clientActs(desk, (staff, { clientId, kind }) => kitTaken(staff, clientId, { kind })),
    rotate(desk),
    keys(desk),
    rotateKeysPage(desk),
    auditPage(desk),
    auditVerify(desk),
    outgoing(desk),
    heldPage(desk),
    ...outgoingActs(desk),
    tracePage(desk),
    noticePage(desk),
    mailboxes(desk),
    // Before the page of one: «new» is no mailbox.
    ...mailboxActs(desk),
    mailbox(desk),
    siteMail(desk),
    sites(desk),
    // Before the page of one: «pending» is no site.
    pendingSites(desk),
    pendingSiteOf(desk),
    site(desk),
    ...accessActs(desk, watcher, 'sites', onSite(desk)),
  ]
  for (const page of pages) mount(router, page, frame)
  mountRoll(router, desk, (staff, organisationId) => rollTaken(staff, organisationId, {}))
  mountExport(router, desk, (staff, filter) => exported(staff, 'all', filter))
}
