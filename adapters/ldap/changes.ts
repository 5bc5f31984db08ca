// Everyone, and what changed since. slapd has no persistent search, and ldapts cannot read syncrepl's intermediate
// answers (they take other requests on the connection along), so changes are found by polling: contextCSN as the mark,
// entryCSN (the change sequence number of an entry) as the question. With `lastbind on` every bind is a change, our own
// too: the poll therefore uses the shared connection, and only the reading of everyone opens another.
import {
  AndFilter,
  type Client,
  type Entry,
  EqualityFilter,
  FilterParser,
  GreaterThanEqualsFilter,
  NotFilter,
} from 'ldapts'
import type { Clock, DirectoryEntry } from '../../src/ports.ts'
import type { Connection } from './connection.ts'
import { isUnder } from './dn.ts'
import { readEntry, values, wanted } from './entry.ts'
import { asAppError, result, resultCode } from './result.ts'
import { among, type People } from './search.ts'
import type { Server } from './server.ts'
import { type Log, orAborted, type Servers } from './servers.ts'

export type ChangesOptions = { servers: Servers; people: People; pageSize: number; clock: Clock; log: Log }

/** Entries whose change may give or take memberships without touching a person's own entryCSN. */
const GROUPS =
  '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)(objectClass=groupOfURLs))'

/** A mark: the server it was read from, and its change sequence numbers in order. Replicas lag behind each other. */
const writeMark = (url: string, csns: readonly string[]): string => [url, ...csns.toSorted()].join(' ')
const readMark = (mark: string): { url: string; csn: string } | undefined => {
  const [url, csn] = mark.split(' ')
  return url && csn ? { url, csn } : undefined
}

/** The suffix of the database that holds people: contextCSN is kept there. */
async function contextOf(client: Client, base: string): Promise<string | undefined> {
  const { searchEntries } = await client.search('', { scope: 'base', attributes: ['namingContexts'] })
  const contexts = searchEntries.flatMap((entry) => values(entry, 'namingContexts'))
  return contexts.filter((context) => isUnder(base, context)).toSorted((a, b) => b.length - a.length)[0]
}

/** True if a group changed after `csn`. */
async function groupsChanged(client: Client, base: string, csn: string): Promise<boolean> {
  const since = new GreaterThanEqualsFilter({ attribute: 'entryCSN', value: csn })
  const known = new NotFilter({ filter: new EqualityFilter({ attribute: 'entryCSN', value: csn }) })
  const filter = new AndFilter({ filters: [FilterParser.parseString(GROUPS), since, known] })
  const { searchEntries } = await client.search((await contextOf(client, base)) ?? base, {
    filter,
    attributes: ['1.1'],
    sizeLimit: 1,
  })
  return searchEntries.length > 0
}

export function openChanges({ servers, people, pageSize, clock, log }: ChangesOptions) {
  const doing = 'read the people of the directory'
  const dedicated = (signal: AbortSignal): Promise<{ url: string; connection: Connection }> =>
    servers.run(doing, signal, async (server) => {
      const connection = await server.service()
      if (signal.aborted) void connection.close()
      return { url: server.url, connection }
    })

  /** One page after another; a cut or refused answer throws, so that nobody takes a part for the whole. */
  async function* pages(client: Client, signal: AbortSignal): AsyncGenerator<Entry[]> {
    const found = client.searchPaginated(people.base, {
      filter: among(people),
      attributes: wanted(people),
      paged: { pageSize },
    })
    for (;;) {
      const { done, value } = await orAborted(doing, signal, found.next())
      if (done) return
      if (value.searchReferences.length > 0)
        log.warn('directory.referral_ignored', { count: value.searchReferences.length })
      yield value.searchEntries
    }
  }

  const known = (entries: readonly Entry[]): DirectoryEntry[] =>
    entries.flatMap((entry) => {
      const person = readEntry(entry, people, clock.now())
      if (person) return person.entry
      log.warn('directory.entry_ignored', { dn: entry.dn, detail: 'no username or no key' })
      return []
    })

  /** On a connection of its own, which is closed however the reading ends: slapd keeps one paged search on each. */
  async function* everyone(signal: AbortSignal): AsyncGenerator<DirectoryEntry> {
    const { url, connection } = await dedicated(signal)
    try {
      for await (const page of pages(connection.client, signal)) yield* known(page)
    } catch (error) {
      throw asAppError(`${doing} at ${url}`, error)
    } finally {
      await connection.close()
    }
  }

  /** The entries changed since a mark; undefined when that cannot be told and everyone must be read. */
  const changed = ({ url, shared }: Server, mark: string): Promise<Entry[] | undefined> =>
    shared(async (client) => {
      const from = readMark(mark)
      if (from?.url !== url || (await groupsChanged(client, people.base, from.csn))) return undefined
      const filter = among(people, new GreaterThanEqualsFilter({ attribute: 'entryCSN', value: from.csn }))
      try {
        return (await client.search(people.base, { filter, attributes: wanted(people) })).searchEntries
      } catch (error) {
        if (resultCode(error) === result.sizeLimitExceeded) return undefined
        throw error
      }
    })

  return {
    entries: everyone,

    mark: (signal: AbortSignal): Promise<string | undefined> =>
      servers.run('read the mark of the directory', signal, (server) =>
        server.shared(async (client) => {
          const context = await contextOf(client, people.base)
          if (context === undefined) return undefined
          const { searchEntries } = await client.search(context, { scope: 'base', attributes: ['contextCSN'] })
          const csns = searchEntries.flatMap((entry) => values(entry, 'contextCSN'))
          return csns.length > 0 ? writeMark(server.url, csns) : undefined
        }),
      ),

    /**
     * The people changed since a mark, some of them perhaps told again. Everyone when the mark is another server's, or
     * when a group changed: memberOf changes without the person's entryCSN (slapo-memberof(5) hides its own writes).
     */
    changedSince: async function* (mark: string, signal: AbortSignal): AsyncGenerator<DirectoryEntry> {
      const entries = await servers.run(doing, signal, (server) => changed(server, mark))
      if (entries) yield* known(entries)
      else yield* everyone(signal)
    },
  }
}
