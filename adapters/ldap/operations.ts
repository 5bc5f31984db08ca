// Steps on one server that the directory is put together from: find an account's entry, add one, prove the rights.
import type { Client } from 'ldapts'
import { AppError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/time.ts'
import type { Account } from '../../src/ports.ts'
import type { LdapConfig } from './config.ts'
import { type Found, newEntry, readEntry, values } from './entry.ts'
import { passwordModifyOid } from './password-modify.ts'
import { asAppError, misconfigured, result, resultCode } from './result.ts'
import { ofAccount, type People } from './search.ts'
import type { Server } from './server.ts'
import { stillWanted } from './servers.ts'

export type Lookup = Pick<Account, 'username' | 'directoryKey'>

/** The entry of an account as this server knows it now. */
export async function lookUp(
  server: Server,
  people: People,
  account: Lookup,
  now: Instant,
): Promise<Found | undefined> {
  const entry = await server.shared((client) => ofAccount(client, people, account))
  return entry && readEntry(entry, people, now)
}

type CreateConfig = LdapConfig & { create: NonNullable<LdapConfig['create']> }

async function refusedEntry(error: unknown, server: Server, people: People, account: Account): Promise<unknown> {
  const code = resultCode(error)
  if (code === result.entryAlreadyExists)
    return new AppError('username_taken', {
      field: 'username',
      detail: `the directory has an entry named ${account.username}`,
    })
  if (code !== result.constraintViolation) return code === undefined ? error : misconfigured('add somebody', code)
  // slapo-unique(5) says 19 for a username as for an address, and which one only in a message for people.
  const taken = await server.shared((client) =>
    ofAccount(client, people, { username: account.username, directoryKey: null }),
  )
  if (taken)
    return new AppError('username_taken', {
      field: 'username',
      detail: `the directory has an entry with the username ${account.username}`,
    })
  return new AppError('conflict', {
    field: 'email',
    detail: 'a rule of the directory refuses the entry: an address that another entry has already?',
  })
}

async function keyOf(client: Client, dn: string, { attributes }: People): Promise<string> {
  const { searchEntries } = await client.search(dn, { scope: 'base', attributes: [attributes.key] })
  const key = searchEntries.flatMap((entry) => values(entry, attributes.key))[0]
  if (key) return key
  throw new AppError('directory_unavailable', {
    detail: `the service account may not read ${attributes.key} of a new entry`,
  })
}

/** Create an entry and give its key. Throws `username_taken` or `conflict`. */
export async function addEntry(
  server: Server,
  account: Account,
  config: CreateConfig,
  signal: AbortSignal,
): Promise<string> {
  const { dn, attributes } = newEntry(account, config)
  const connection = await server.service()
  try {
    stillWanted('add somebody', signal)
    await connection.client.add(dn, attributes)
    return await keyOf(connection.client, dn, config.people)
  } catch (error) {
    throw await refusedEntry(error, server, config.people, account)
  } finally {
    void connection.close()
  }
}

/** Reach a server, prove the rights that can be proved without a change. Throws `directory_unavailable`. */
export async function checkServer(server: Server, people: People): Promise<void> {
  try {
    const connection = await server.service()
    try {
      await connection.client.search(people.base, { scope: 'base', attributes: ['1.1'] })
      const { searchEntries } = await connection.client.search('', {
        scope: 'base',
        attributes: ['supportedExtension'],
      })
      const known = searchEntries.flatMap((entry) => values(entry, 'supportedExtension'))
      if (known.includes(passwordModifyOid)) return
      throw new AppError('directory_unavailable', {
        detail: `${server.url} does not know the Password Modify operation (RFC 3062)`,
      })
    } finally {
      void connection.close()
    }
  } catch (error) {
    throw asAppError(`check ${server.url}`, error)
  }
}
