// How soon a change of one account is in the files that Dovecot and Postfix read, from the commit to the last write, and how
// that grows with what is in them already. Nothing else drives the services meanwhile.

import { randomUUID } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from '../src/compose.ts'
import type { Core } from '../src/core.ts'
import { makeAppPassword } from '../src/usecases/app-passwords.ts'
import { addResource } from '../src/usecases/resources.ts'
import { suspend } from '../src/usecases/suspend.ts'
import { openBeside, prepareMail } from './mail-house.ts'
import type { MailPerson } from './mail-seed.ts'
import type { Progress, Report } from './results.ts'
import { organisationOf } from './seed.ts'
import { median, percentile } from './statistics.ts'

const BENCH = 'mail'
const SIZES = [2_000, 20_000, 100_000]
const TIMES = 20
const actor = BENCH

/** An alias for each, so that there are as many addresses as app passwords. */
async function seedAliases(installation: Installation, everyone: readonly MailPerson[]): Promise<void> {
  const { core, database } = installation
  const { id: organisationId } = await organisationOf(installation)
  const createdAt = core.clock.now()
  await database.transaction(async (knex) => {
    for (let from = 0; from < everyone.length; from += 100) {
      const some = everyone.slice(from, from + 100).map((person) => ({ ...person, id: randomUUID() }))
      await knex('resource').insert(
        some.map(({ id, memberId, login }) => ({
          ...{ id, organisationId, memberId, kind: 'alias', name: `also.${login}`, createdAt },
        })),
      )
      await knex('aliasTarget').insert(some.map(({ id, login }) => ({ resourceId: id, address: login })))
    }
  })
}

type Change = { name: string; make(core: Core, person: MailPerson): Promise<unknown>; folders: readonly string[] }
const changes = (dovecot: string, postfix: string): Change[] => [
  {
    name: "a new app password, Dovecot's files",
    make: (core, { id }) =>
      makeAppPassword(core)({ accountId: id, name: 'new', scopes: ['imap', 'pop3', 'smtp'], actor }),
    folders: [join(dovecot, 'logins')],
  },
  {
    name: "a new alias, Postfix's maps",
    make: (core, { memberId, login }) =>
      addResource(core)({ memberId, kind: 'alias', name: `new.${login}`, targets: [login], actor }),
    folders: [postfix],
  },
  {
    name: "a suspension, Dovecot's files",
    make: (core, { id }) => suspend(core)({ target: { accountId: id }, reason: 'bench', actor }),
    folders: [join(dovecot, 'denied'), join(dovecot, 'logins')],
  },
  {
    name: "a suspension, Postfix's maps",
    make: (core, { id }) => suspend(core)({ target: { accountId: id }, reason: 'bench', actor }),
    folders: [postfix],
  },
]

/** Milliseconds from a change's commit to the last write into these folders. */
async function measure({ core, reconciler }: Installation, { make, folders }: Change, person: MailPerson) {
  let written = Number.NaN
  const watchers: FSWatcher[] = folders.map((folder) =>
    watch(folder, (_event, file) => {
      // A lock is no entry, and `held` is the queue's.
      if (file && !file.endsWith('lock') && !file.includes('-journal') && file !== 'held') written = performance.now()
    }),
  )
  let committed = Number.NaN
  try {
    const wake = (): void => {
      committed = performance.now()
    }
    await make({ ...core, wake }, person)
    await reconciler.drain()
    // What the kernel tells comes with the next turns of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 20))
  } finally {
    for (const watcher of watchers) watcher.close()
  }
  if (!(written > committed)) throw new Error(`nothing was written for ${person.login}`)
  return written - committed
}

async function filesOf(entries: number, report: Report, progress: Progress): Promise<void> {
  const servers = await prepareMail(entries / 2, progress, seedAliases)
  try {
    const installation = await openBeside(servers.folder)
    try {
      const { dovecot, postfix, people } = servers
      for (const [nth, change] of changes(dovecot.config.folder, postfix.config.folder).entries()) {
        const times: number[] = []
        for (const person of people.slice(nth * TIMES, (nth + 1) * TIMES))
          times.push(await measure(installation, change, person))
        const p50 = median(times)
        report({
          ...{ bench: BENCH, case: `${change.name}, ${entries.toLocaleString('en')} entries` },
          ...{ value: p50, unit: 'ms', p50, p99: percentile(times, 0.99), n: times.length },
        })
      }
    } finally {
      await installation.close()
    }
  } finally {
    await servers.stop()
  }
}

export async function files(report: Report, progress: Progress): Promise<void> {
  for (const entries of SIZES) {
    progress(`files of ${entries.toLocaleString('en')} entries`)
    await filesOf(entries, report, progress)
  }
}
