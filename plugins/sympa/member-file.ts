// The file that Sympa reads the members of a list from (list_config(5), include_file): an address and a name on each line.
// A comment before it says whose it is, so that a lost ledger can be made again from it.
import { createHash } from 'node:crypto'
import type { Name } from '../../src/plugin.ts'
import type { OnList } from '../../src/plugin-lists.ts'

const ACCOUNT = /^# account (\S+) (\S+) ?(.*)$/
const END = /^# end ([0-9a-f]{64})$/

const sealed = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex')

/**
 * The whole text. Two accounts with one address are one line. Sympa gives a file up as damaged, and takes it for empty, when
 * its first 49 lines hold no address: the first account's own line comes right after its comment.
 */
export function memberFile(on: ReadonlyMap<Name, OnList>): string {
  const told = new Set<string>()
  const lines = [...on]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, { email, name: person }]) => {
      const line = `${email} ${person}`.trimEnd()
      const account = `# account ${name} ${line}`
      if (told.has(email)) return [account]
      told.add(email)
      return [account, line]
    })
  const head = ['# Schedar writes this file anew whenever somebody joins or leaves. What you add here is lost.']
  return `${[...head, ...lines, `# end ${sealed(lines)}`].join('\n')}\n`
}

/** Whom a file names; undefined when it is not whole. */
export function accountsIn(text: string): Map<Name, OnList> | undefined {
  const lines = text.split('\n').slice(1, -1)
  const end = END.exec(lines.pop() ?? '')
  if (end?.[1] !== sealed(lines)) return undefined
  return new Map(
    lines.flatMap((line) => {
      const [, name, email, person] = ACCOUNT.exec(line) ?? []
      return name && email ? [[name, { email, name: person ?? '' }] as const] : []
    }),
  )
}
