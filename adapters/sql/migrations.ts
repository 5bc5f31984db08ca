// The one timeline of migrations, for SQLite and for MariaDB/MySQL. Forward only, one DDL step each, never edited once
// released. `{id}`, `{serial}` and `{table}` stand for what the two databases spell differently.

export type Migration = { name: string; ddl: string }

/** Each step's words for one database. */
export const spell = (ddl: string, kind: 'sqlite' | 'mysql'): string => {
  const words: Record<string, string> =
    kind === 'sqlite'
      ? {
          id: 'varchar(36)',
          digest: 'blob',
          bytes: 'text',
          long: 'text',
          serial: 'integer primary key autoincrement',
          table: '',
          keyed: 'without rowid',
        }
      : {
          id: 'varchar(36)',
          digest: 'binary(32)',
          bytes: 'varbinary(1000)',
          long: 'mediumtext',
          serial: 'bigint not null auto_increment primary key',
          table: 'engine=InnoDB character set utf8mb4 collate utf8mb4_bin',
          keyed: 'engine=InnoDB character set utf8mb4 collate utf8mb4_bin',
        }
  return ddl
    .replace(/\{where (.+?)\}/g, kind === 'sqlite' ? 'where $1' : '')
    .replace(/\{(\w+)\}/g, (_, word: string) => words[word] ?? `{${word}}`)
}

const table = (name: string, columns: string, suffix = '{table}'): Migration => ({
  name: `create ${name}`,
  ddl: `create table ${name} (${columns}) ${suffix}`,
})
const index = (on: string, columns: string, unique = false): Migration => {
  const name = `${on}_${columns.replace(/\W+/g, '_')}`
  return { name: `index ${name}`, ddl: `create ${unique ? 'unique ' : ''}index ${name} on ${on} (${columns})` }
}
/** One more column of a table that is there. */
const column = (of: string, definition: string): Migration => ({
  name: `add ${of}.${definition.split(' ')[0]}`,
  ddl: `alter table ${of} add column ${definition}`,
})
/** An index of some rows only, where the database knows such a thing: each one saved is a page less to write. */
const partialIndex = (on: string, column: string, where: string): Migration => ({
  name: `index ${on}_${column}`,
  ddl: `create index ${on}_${column} on ${on} (${column}) {where ${where}}`,
})

export const migrations: readonly Migration[] = [
  table(
    'organisation',
    `id {id} primary key, name varchar(200) not null, country char(2) not null, time_zone varchar(64) not null,
     locale char(2) not null, contact_email varchar(254) not null, created_at bigint not null`,
  ),
  table(
    'member',
    `id {id} primary key, organisation_id {id} not null references organisation(id), member_number varchar(64) not null,
     kind varchar(16) not null, name varchar(200) not null, email varchar(254), locale char(2) not null, joined_on char(10),
     source varchar(32) not null, created_at bigint not null`,
  ),
  index('member', 'organisation_id, member_number', true),
  index('member', 'email'),
  table(
    'term',
    `id {id} primary key, member_id {id} not null references member(id), start_on char(10) not null, end_on char(10),
     due_cents bigint not null, exempt smallint not null, source varchar(32) not null, created_at bigint not null, cancelled_at bigint`,
  ),
  index('term', 'member_id'),
  table(
    'member_event',
    `id {id} primary key, member_id {id} not null references member(id), kind varchar(16) not null, effective_on char(10) not null,
     note varchar(1000) not null, recorded_at bigint not null, recorded_by varchar(64) not null`,
  ),
  index('member_event', 'member_id'),
  // The standing in force, recomputed with each fact and each night; never the truth, always derivable.
  table(
    'standing',
    `member_id {id} primary key references member(id), standing varchar(16) not null, covered_until_on char(10), grace_until_on char(10),
     next_change_on char(10), computed_on char(10) not null`,
  ),
  index('standing', 'next_change_on'),
  index('standing', 'standing'),
  table(
    'account',
    `id {id} primary key, username varchar(64) not null, name varchar(200) not null, given_name varchar(100) not null,
     family_name varchar(100) not null, email varchar(254), email_verified_at bigint, locale char(2) not null, state varchar(16) not null,
     directory_key varchar(200), created_at bigint not null, last_sign_in_at bigint`,
  ),
  index('account', 'username', true),
  index('account', 'email'),
  index('account', 'directory_key', true),
  table(
    'affiliation',
    `account_id {id} not null references account(id), member_id {id} not null references member(id), role varchar(16) not null,
     created_at bigint not null, primary key (account_id, member_id)`,
  ),
  index('affiliation', 'member_id'),
  table(
    'staff_role',
    `account_id {id} not null references account(id), role varchar(16) not null, granted_by varchar(64) not null, granted_at bigint not null,
     primary key (account_id, role)`,
  ),
  table(
    'account_group',
    'account_id {id} not null references account(id), name varchar(100) not null, primary key (account_id, name)',
  ),
  // `override` is a word of SQL; the table is named for what it does.
  table(
    'access_override',
    `id {id} primary key, member_id {id}, account_id {id}, effect varchar(8) not null, reason_text varchar(1000) not null, starts_at bigint not null,
     ends_on char(10), begun smallint not null, created_by varchar(64) not null, created_at bigint not null, lifted_at bigint, lifted_by varchar(64)`,
  ),
  index('access_override', 'account_id'),
  index('access_override', 'member_id'),
  table(
    'resource',
    `id {id} primary key, organisation_id {id} not null references organisation(id), member_id {id} not null references member(id), kind varchar(16) not null,
     name varchar(254) not null, created_at bigint not null, removed_at bigint`,
  ),
  index('resource', 'kind, name', true),
  index('resource', 'member_id'),
  table(
    'login',
    `id {id} primary key, mailbox_id {id} not null references resource(id), account_id {id} not null references account(id), name varchar(254) not null, created_at bigint not null`,
  ),
  index('login', 'name', true),
  index('login', 'account_id'),
  index('login', 'mailbox_id'),
  table(
    'client',
    `client_id varchar(64) primary key, organisation_id {id} not null references organisation(id), kind varchar(32) not null, name varchar(200) not null,
     service varchar(16) not null, resource_id {id}, party varchar(8) not null, audience varchar(16) not null, second_factor smallint not null,
     metadata text not null, sealed_secret text, roles_of_affiliation text not null, created_at bigint not null, disabled_at bigint`,
  ),
  index('client', 'resource_id'),
  table(
    'client_role',
    `client_id varchar(64) not null references client(client_id), subject_kind varchar(16) not null, subject varchar(100) not null, role varchar(32) not null,
     primary key (client_id, subject_kind, subject, role)`,
  ),
  table(
    'password',
    'account_id {id} primary key references account(id), phc varchar(500) not null, changed_at bigint not null',
  ),
  table(
    'totp',
    'account_id {id} primary key references account(id), sealed_secret varchar(500) not null, confirmed smallint not null, last_step bigint not null, changed_at bigint not null',
  ),
  table(
    'recovery_code',
    'account_id {id} not null references account(id), digest char(43) not null, created_at bigint not null, used_at bigint, primary key (account_id, digest)',
  ),
  table(
    'ticket',
    'digest char(43) primary key, kind varchar(16) not null, account_id {id}, created_at bigint not null, expires_at bigint not null, used_at bigint',
  ),
  index('ticket', 'account_id'),
  index('ticket', 'expires_at'),
  table('throttle', 'bucket char(43) primary key, taken bigint not null, reset_at bigint not null'),
  index('throttle', 'reset_at'),
  table(
    'consent',
    'account_id {id} not null references account(id), client_id varchar(64) not null, scopes varchar(1000) not null, given_at bigint not null, primary key (account_id, client_id)',
  ),
  table(
    'signing_key',
    'kid varchar(64) primary key, alg varchar(8) not null, state varchar(8) not null, sealed_jwk text not null, created_at bigint not null, changed_at bigint not null',
  ),
  table('setting', 'name varchar(64) primary key, value text not null'),
  table(
    'outbox',
    `id {serial}, service varchar(96) not null, subject varchar(254) not null, effect varchar(16) not null, payload text not null, cause varchar(8) not null,
     created_at bigint not null, due_at bigint not null, tries bigint not null default 0, last_error varchar(500)`,
  ),
  index('outbox', 'service, due_at'),
  index('outbox', 'due_at'),
  // One instance at a time works on a service, so that no older decision lands after a newer one.
  table('service_lease', 'service varchar(96) primary key, owner varchar(120) not null, until_at bigint not null'),
  table(
    'audit',
    `id {serial}, at bigint not null, actor varchar(64) not null, action varchar(64) not null, subject_kind varchar(32) not null, subject_id varchar(254) not null,
     payload text, salt char(22) not null, digest char(43) not null, chain char(43) not null`,
  ),
  index('audit', 'subject_id'),
  index('audit', 'action'),
  // The head of the audit chain: one row, locked while a row is appended.
  table('audit_head', 'only smallint primary key, chain char(43) not null'),
  { name: 'begin audit chain', ddl: "insert into audit_head (only, chain) values (1, '')" },
  // The provider's storage (oidc.ts). `id` is SHA-256 over model and id, `grant_id` the id of the Grant's row; the other names
  // are bytes: no collation, no padding. `began_at`: since when the row belongs to its account. `written_at` grows with each
  // write of a row. A row with `ended` 1 only keeps a request in flight from writing it back.
  table(
    'oidc_model',
    `id {digest} not null primary key, model varchar(64) not null, account_id {bytes}, client_id {bytes}, grant_id {digest}, uid {bytes}, user_code {bytes},
     payload {long}, began_at bigint not null, written_at bigint not null, expires_at bigint, consumed_at bigint, ended smallint not null default 0`,
  ),
  // What hangs on a grant is found by its grant.
  partialIndex('oidc_model', 'account_id', 'account_id is not null and grant_id is null'),
  partialIndex('oidc_model', 'grant_id', 'grant_id is not null'),
  partialIndex('oidc_model', 'uid', 'uid is not null'),
  partialIndex('oidc_model', 'user_code', 'user_code is not null'),
  partialIndex('oidc_model', 'expires_at', 'expires_at is not null'),
  // What began before `at` is absent, whatever a request in flight writes back.
  table('oidc_signed_out', 'account_id {bytes} not null primary key, at bigint not null', '{keyed}'),

  // Dues. Versions of tariffs and rules are never changed: a decision of the assembly is a new one, from a date on.
  table(
    'bank_account',
    'organisation_id {id} primary key references organisation(id), iban varchar(34) not null, holder varchar(70) not null, bic varchar(11)',
  ),
  table(
    'tariff',
    `id {id} primary key, organisation_id {id} not null references organisation(id), name varchar(100) not null, period varchar(16) not null,
     year_starts_on char(5) not null, months integer not null, amount_cents bigint not null, valid_from_on char(10) not null,
     decided_on char(10), decision_ref varchar(200) not null, created_at bigint not null, created_by varchar(64) not null`,
  ),
  index('tariff', 'organisation_id, name, valid_from_on', true),
  table(
    'dues_rules',
    `id {id} primary key, organisation_id {id} not null references organisation(id), valid_from_on char(10) not null, grace_days integer not null,
     late_renewal varchar(16) not null, late_continue_days integer not null, tolerance_cents bigint not null, reminder_days varchar(200) not null,
     decided_on char(10), decision_ref varchar(200) not null, created_at bigint not null, created_by varchar(64) not null`,
  ),
  index('dues_rules', 'organisation_id, valid_from_on', true),
  // Which tariff a member pays, and who pays for it if not the member itself.
  table(
    'member_dues',
    'member_id {id} primary key references member(id), tariff varchar(100), payer_id {id} references member(id)',
  ),
  index('member_dues', 'payer_id'),
  ...['tariff_id varchar(36)', 'reason varchar(500)'].map((definition) => column('term', definition)),
  // What a payer is asked for, under a reference of its own that is good for ever.
  table(
    'dues_call',
    `id {id} primary key, organisation_id {id} not null references organisation(id), payer_id {id} not null references member(id), ogm char(12) not null,
     issued_on char(10) not null, due_on char(10) not null, created_at bigint not null, created_by varchar(64) not null, cancelled_at bigint`,
  ),
  index('dues_call', 'ogm', true),
  index('dues_call', 'payer_id'),
  table(
    'dues_call_line',
    'call_id {id} not null references dues_call(id), term_id {id} not null references term(id), cents bigint not null, primary key (call_id, term_id)',
  ),
  index('dues_call_line', 'term_id'),
  table(
    'bank_file',
    `id {id} primary key, organisation_id {id} not null references organisation(id), digest char(43) not null, format varchar(16) not null, name varchar(200) not null,
     line_count integer not null, imported_at bigint not null, imported_by varchar(64) not null`,
  ),
  index('bank_file', 'organisation_id, digest', true),
  table(
    'bank_line',
    `id {id} primary key, organisation_id {id} not null references organisation(id), file_id {id} not null references bank_file(id), dedupe_key varchar(200) not null,
     account varchar(64) not null, statement_number varchar(64), booked_on char(10) not null, value_on char(10) not null, cents bigint not null,
     counter_iban varchar(64), counter_name varchar(140), reference varchar(25), text varchar(2000) not null, bank_ref varchar(140),
     state varchar(8) not null, note varchar(500), created_at bigint not null`,
  ),
  index('bank_line', 'organisation_id, dedupe_key', true),
  index('bank_line', 'state, booked_on'),
  index('bank_line', 'counter_iban'),
  // Append-only, as are allocations: what was wrong is reversed by one more row.
  table(
    'payment',
    `id {id} primary key, organisation_id {id} not null references organisation(id), payer_id {id} not null references member(id), source varchar(16) not null,
     bank_line_id {id}, value_on char(10) not null, cents bigint not null, note varchar(500) not null, reverses_id {id},
     recorded_at bigint not null, recorded_by varchar(64) not null`,
  ),
  index('payment', 'payer_id'),
  index('payment', 'bank_line_id'),
  index('payment', 'reverses_id', true),
  index('payment', 'value_on'),
  table(
    'allocation',
    `id {id} primary key, payment_id {id} not null references payment(id), term_id {id} not null references term(id), cents bigint not null,
     recorded_at bigint not null, recorded_by varchar(64) not null`,
  ),
  index('allocation', 'payment_id'),
  index('allocation', 'term_id'),
  // Numbered without a gap in each year.
  table(
    'receipt',
    `organisation_id {id} not null references organisation(id), year integer not null, number integer not null, payment_id {id} not null references payment(id),
     issued_on char(10) not null, primary key (organisation_id, year, number)`,
  ),
  index('receipt', 'payment_id', true),
  // Each rule's day is used once for each end of cover, whether a letter could be sent or not.
  table(
    'reminder',
    `member_id {id} not null references member(id), covered_until_on char(10) not null, rule_day integer not null, sent_on char(10) not null, sent_at bigint not null,
     result varchar(16) not null, primary key (member_id, covered_until_on, rule_day)`,
  ),
  index('reminder', 'result'),
  table(
    'app_password',
    `id {id} primary key, account_id {id} not null references account(id), name varchar(100) not null, scopes varchar(100) not null, digest char(43) not null,
     created_at bigint not null, created_by varchar(64) not null, last_used_at bigint, revoked_at bigint, revoked_by varchar(64)`,
  ),
  index('app_password', 'digest', true),
  index('app_password', 'account_id'),
  // A login that was taken away stays, without access, until somebody else is given its name.
  column('login', 'removed_at bigint'),
  table(
    'member_invitation',
    `id {id} primary key, member_id {id} not null references member(id), email varchar(254) not null, role varchar(16) not null, digest char(43) not null,
     created_by varchar(64) not null, created_at bigint not null, expires_at bigint not null, settled_at bigint, outcome varchar(16)`,
  ),
  index('member_invitation', 'digest', true),
  index('member_invitation', 'member_id'),
  index('member_invitation', 'expires_at'),
  // The staff's list of members, in order, a page at a time.
  index('member', 'member_number, id'),
  // Corrections by hand: who made and who cancelled a term, which one it carries on, what a part was paid back of.
  ...[
    'replaces_id varchar(36)',
    'created_by varchar(64)',
    'cancelled_by varchar(64)',
    'cancel_reason varchar(500)',
  ].map((definition) => column('term', definition)),
  column('payment', 'refunds_id varchar(36)'),
  // A person's suspension is watched by its subject, beside a night's work in the queue.
  index('outbox', 'subject'),
  // Files between two pages, sealed, in parts; swept when their day is over.
  table(
    'upload',
    'digest char(64) not null, part integer not null, sealed {long} not null, kept_at bigint not null, primary key (digest, part)',
  ),
  index('upload', 'kept_at'),
  // A line that may tell of the same payment as one of another file.
  column('bank_line', 'resembles_id varchar(36)'),
  index('bank_line', 'organisation_id, value_on, cents'),
  // Mail. What is typed into a program may have the spaces that the page showed.
  column('app_password', 'grouped_digest char(43)'),
  table(
    'mailbox',
    'resource_id {id} primary key references resource(id), quota_bytes bigint, former_until_on char(10)',
  ),
  table(
    'alias_target',
    'resource_id {id} not null references resource(id), address varchar(254) not null, primary key (resource_id, address)',
  ),
  table(
    'site_login',
    'site_id {id} primary key references resource(id), digest char(43) not null, created_at bigint not null, created_by varchar(64) not null',
  ),
  index('site_login', 'digest', true),
  table(
    'quarantine',
    `id {id} primary key, login varchar(254) not null, reason varchar(16) not null, detail varchar(500) not null, started_at bigint not null,
     started_by varchar(64) not null, lifted_at bigint, lifted_by varchar(64)`,
  ),
  index('quarantine', 'login'),
  // What went out, for some weeks: who sent how much, and which queued messages are whose.
  table(
    'submission',
    `service varchar(96) not null, queue_id varchar(64) not null, login varchar(254) not null, member_id {id}, sender varchar(320) not null,
     recipients integer not null, size_bytes bigint not null, client_address varchar(64) not null, at bigint not null, state varchar(8) not null,
     primary key (service, queue_id)`,
  ),
  index('submission', 'login, at'),
  index('submission', 'at'),
  index('submission', 'state, at'),
  // What became of each message, recipient by recipient, as the mail server's log tells it.
  table(
    'delivery',
    `id {serial}, service varchar(96) not null, queue_id varchar(64) not null, sender varchar(320) not null, recipient varchar(320) not null,
     result varchar(8) not null, dsn varchar(16) not null, relay varchar(254) not null, text varchar(1000) not null, at bigint not null`,
  ),
  index('delivery', 'recipient, at'),
  index('delivery', 'queue_id'),
  index('delivery', 'at'),
  // After a kill the last lines of a log are read once more: what they tell is on record once.
  index('delivery', 'service, queue_id, recipient, result, at', true),
  // When the admins and the person were told; what a process that died did not tell is told later.
  column('quarantine', 'told_at bigint'),
  // The aliases that lead to an address: asked with each change of one.
  index('alias_target', 'address'),
  // A deny on one site: it is offline, whoever its member is.
  column('access_override', 'resource_id {id}'),
  index('access_override', 'resource_id'),
  // The services of one person.
  index('client_role', 'subject'),
  index('client', 'audience'),
  // What sites were asked for, for some weeks: an attack shows as an hour that is many times the usual.
  table(
    'traffic',
    'site_id {id} not null references resource(id), at bigint not null, bytes bigint not null, requests bigint not null, paths {long} not null, addresses {long} not null, primary key (site_id, at)',
  ),
  index('traffic', 'at'),
  // Sites that somebody of a member is about to connect.
  table(
    'site_registration',
    `id {id} primary key, member_id {id} not null references member(id), name varchar(254) not null, url varchar(500) not null, kind varchar(64) not null,
     token varchar(64) not null, created_by varchar(64) not null, created_at bigint not null, expires_at bigint not null, settled_at bigint, outcome varchar(16)`,
  ),
  index('site_registration', 'member_id'),
  index('site_registration', 'expires_at'),
  // Guests of one site: asked by letter, and who asked.
  table(
    'site_invitation',
    `id {id} primary key, client_id varchar(64) not null references client(client_id), email varchar(254) not null, role varchar(32) not null, digest char(43) not null,
     created_by varchar(64) not null, created_at bigint not null, expires_at bigint not null, settled_at bigint, outcome varchar(16)`,
  ),
  index('site_invitation', 'digest', true),
  index('site_invitation', 'client_id'),
  index('site_invitation', 'expires_at'),
  column('client_role', 'invited_by varchar(64)'),
]
