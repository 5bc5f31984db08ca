// Subjects of services as plugins are given them, with everything that a test does not speak of at its plainest.
import type { AccountSubject, AddressSubject, Host, LoginSubject, SiteSubject } from '../../src/plugin.ts'

export const loginSubject = (name: string, more: Partial<LoginSubject> = {}): LoginSubject => ({
  kind: 'login',
  name,
  access: 'full',
  mailbox: name,
  passwords: [],
  maySend: true,
  quotaBytes: null,
  former: false,
  ...more,
})

export const addressSubject = (name: string, more: Partial<AddressSubject> = {}): AddressSubject => ({
  kind: 'address',
  name,
  access: 'full',
  delivery: { mailbox: { quotaBytes: null } },
  senders: [name],
  ...more,
})

/** What the core lends a plugin, for a test that needs no core. */
export const pluginHost = (
  dataDir: string,
  log: (event: string) => void = () => undefined,
  more: Partial<Host> = {},
): Host => ({
  dataDir,
  log: (_level, event) => log(event),
  now: Date.now,
  queueIdsOf: async () => [],
  ...more,
})

export const siteSubject = (name: string, more: Partial<SiteSubject> = {}): SiteSubject => ({
  kind: 'site',
  name,
  access: 'full',
  memberNumber: '101',
  ...more,
})

export const accountSubject = (name: string, more: Partial<AccountSubject> = {}): AccountSubject => ({
  kind: 'account',
  name,
  access: 'full',
  username: name,
  displayName: name,
  email: `${name}@asso.example`,
  lists: 'full',
  groups: [],
  ...more,
})
