// Searches for people. What a person typed goes into filter objects as a value, never into a filter's text, so nothing
// typed can become part of a filter (RFC 4515 §3 is not even involved: it travels as an octet string).
import { AndFilter, type Client, type Entry, EqualityFilter, type Filter, FilterParser, OrFilter } from 'ldapts'
import { canonical } from '../../src/domain/names.ts'
import type { Account } from '../../src/ports.ts'
import type { LdapConfig } from './config.ts'
import { namesOf, values, wanted } from './entry.ts'
import { result, resultCode } from './result.ts'

export type People = LdapConfig['people']

/** The house's own filter for people, and one more condition. */
export const among = ({ filter }: People, condition?: Filter): Filter => {
  const everyone = FilterParser.parseString(filter)
  return condition ? new AndFilter({ filters: [everyone, condition] }) : everyone
}

/**
 * The only entry that answers, or undefined. Referrals in the answer are not followed. No size limit is sent: ldapts
 * hides result 4 then, and the one entry of a cut answer would pass for the only one.
 */
async function only(client: Client, people: People, condition: Filter): Promise<Entry | undefined> {
  try {
    const { searchEntries } = await client.search(people.base, {
      filter: among(people, condition),
      attributes: wanted(people),
    })
    return searchEntries.length === 1 ? searchEntries[0] : undefined
  } catch (error) {
    if (resultCode(error) === result.sizeLimitExceeded) return undefined
    throw error
  }
}

/**
 * The entry of a username or an e-mail address. The server's matching rules are laxer than ours (they drop soft
 * hyphens, fold spaces), so what it found must also be what was typed, in our one form.
 */
export async function byIdentifier(client: Client, people: People, typed: string): Promise<Entry | undefined> {
  const identifier = canonical(typed)
  if (identifier === '') return undefined
  const { username, mail } = people.attributes
  const filters = [username, mail].map((attribute) => new EqualityFilter({ attribute, value: identifier }))
  const entry = await only(client, people, new OrFilter({ filters }))
  return entry && namesOf(entry, people).has(identifier) ? entry : undefined
}

/** The entry of an account: by its key, or by its username while it has none. */
export async function ofAccount(
  client: Client,
  people: People,
  account: Pick<Account, 'username' | 'directoryKey'>,
): Promise<Entry | undefined> {
  const { key, username } = people.attributes
  if (account.directoryKey !== null)
    return only(client, people, new EqualityFilter({ attribute: key, value: account.directoryKey }))
  const entry = await only(client, people, new EqualityFilter({ attribute: username, value: account.username }))
  return entry && values(entry, username).map(canonical).includes(account.username) ? entry : undefined
}
