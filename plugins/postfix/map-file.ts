// One lookup table of Postfix's: a text source that a person can read, and the LMDB file that Postfix reads. A change
// goes into both; of a few keys, only these are written to the LMDB file, while smtpd sessions read it.
import { stat, utimes } from 'node:fs/promises'
import type { Name } from '../../src/plugin.ts'
import { editFile, errno, fileFailure, textOf } from '../../src/plugin-files.ts'
import { command } from './command.ts'
import { changedEntries, type Entries, type MapText, mapText, parseMap } from './map-text.ts'

/** What is held of a key: a value, or that source and table differ. */
export type Held = { value: string } | { drift: true }

export type MapFile = {
  path: string
  /** What is held of these keys, or of all, those in the table alone included. A key of somebody else's line is absent. */
  observe(keys: readonly Name[] | 'all', signal: AbortSignal): Promise<Map<Name, Held>>
  /** What the text says: all entries of ours, and the keys of somebody else's lines. */
  source(): Promise<Pick<MapText, 'ours' | 'foreign'>>
  /** True when a key was seen, since the last change, that source and table do not agree about. */
  hasDrifted(): boolean
  /** The caller holds the lock. Answers the keys that somebody else's lines have: they stay. */
  apply(changes: ReadonlyMap<Name, string | null>, signal: AbortSignal): Promise<Name[]>
}

/** The folder is setgid: its group, Postfix's, reads. */
const RIGHTS = { mode: 0o640 }

/**
 * postmap(1) puts each key that is given to it on the disk by itself, two milliseconds each, and a whole table at once: 20,000
 * entries in a third of a second. Who reads it meanwhile reads the one before (LMDB_README).
 */
const MANY = 100

const lines = (rows: Iterable<string>): string => `${[...rows].join('\n')}\n`

function readTable(output: string): Map<Name, string> {
  const rows = output.split('\n').filter(Boolean)
  return new Map(rows.map((row) => [row.slice(0, row.indexOf('\t')), row.slice(row.indexOf('\t') + 1)]))
}

export function mapFile(path: string, configDir: string): MapFile {
  const table = `lmdb:${path}`
  const run = (args: string[], signal: AbortSignal, input = '') =>
    command({ name: 'postmap', args: ['-c', configDir, ...args], input, signal, answers: [0, 1] }) // 1: nothing found
  /** The last text and what it says: of 20,000 lines, reading them is cheap and taking them apart is not. */
  let known: { text: string; parsed: MapText } | undefined
  const drifted = new Set<Name>()
  /** A text, and the table as it stood when both said the same but for the keys that drifted. */
  let agreed: { text: string; table: string } | undefined
  /** Whether it was looked at before: who looks once, as a command does, need not see it all. */
  let isKnown = false

  function parse(text: string): MapText {
    if (known?.text !== text) known = { text, parsed: parseMap(path, text) }
    return known.parsed
  }

  const read = (): Promise<string> => textOf(path).catch((error: unknown) => Promise.reject(fileFailure(error, path)))
  const source = async (): Promise<MapText> => parse(await read())

  /** The table as it stands: another one after each change of it. Undefined: never filled, postmap makes it anew. */
  const standing = (): Promise<string | undefined> =>
    stat(`${path}.lmdb`, { bigint: true }).then(
      ({ size, ino, mtimeNs }) => (size > 0n ? `${ino} ${size} ${mtimeNs}` : undefined),
      (error: unknown) => (errno(error) === 'ENOENT' ? undefined : Promise.reject(fileFailure(error, path))),
    )

  /** Values in the table, of these keys or of all. */
  async function look(keys: readonly Name[] | 'all', signal: AbortSignal): Promise<Map<Name, string>> {
    if ((await standing()) === undefined) return new Map()
    const { stdout } = await (keys === 'all'
      ? run(['-s', table], signal)
      : run(['-q', '-', table], signal, lines(keys)))
    return readTable(stdout)
  }

  /**
   * Whether the table says what its text does, but for the keys that drifted: seen before, and neither was changed since. A
   * look is a process of its own for each table, and holds everybody up while it begins.
   */
  async function isAsSeen(text: string): Promise<boolean> {
    return agreed?.text === text && agreed.table === (await standing())
  }

  async function set(entries: Entries, signal: AbortSignal): Promise<void> {
    // -r without a complaint about the keys that are there, -i without emptying the table first.
    if (entries.size > 0)
      await run(['-r', '-i', table], signal, lines([...entries].map(([key, value]) => `${key} ${value}`)))
  }

  async function drop(keys: readonly Name[], signal: AbortSignal): Promise<void> {
    if (keys.length > 0) await run(['-d', '-', table], signal, lines(keys))
  }

  /** A table that is older than its source makes Postfix complain at each connection, also where it had nothing to change. */
  async function dateTable(): Promise<void> {
    const [source, compiled] = await Promise.all([stat(path), stat(`${path}.lmdb`)])
    if (compiled.mtimeMs < source.mtimeMs) await utimes(`${path}.lmdb`, source.atime, source.mtime)
  }

  return {
    path,
    source,
    hasDrifted: () => drifted.size > 0,

    async observe(keys, signal) {
      if (keys.length === 0) return new Map()
      const text = await read()
      const { ours, foreign } = parse(text)
      // Whoever asks for all wants to know: each night the tables themselves are looked at.
      if (keys === 'all' || !(await isAsSeen(text))) {
        const which = isKnown ? 'all' : keys
        const before = await standing()
        const live = await look(which, signal)
        const compared = which === 'all' ? new Set([...ours.keys(), ...live.keys()]) : which
        if (which === 'all') drifted.clear()
        for (const key of compared)
          if (!foreign.has(key) && live.get(key) !== ours.get(key)) drifted.add(key)
          else drifted.delete(key)
        agreed = which === 'all' && before !== undefined ? { text, table: before } : undefined
        isKnown = true
      }
      const held = new Map<Name, Held>()
      for (const key of keys === 'all' ? new Set([...ours.keys(), ...drifted]) : keys) {
        const value = ours.get(key)
        if (foreign.has(key)) continue
        if (drifted.has(key)) held.set(key, { drift: true })
        else if (value !== undefined) held.set(key, { value })
      }
      return held
    },

    async apply(changes, signal) {
      const text = await read()
      const { ours, foreign } = parse(text)
      const seen = await isAsSeen(text)
      const compiled = (await standing()) !== undefined
      const usable = [...changes].filter(([key]) => !foreign.has(key))
      // An entry leaves the table before its line goes, and its line comes before it enters: what has no line is not in
      // the table, unless somebody put it there, and most changes need no look at most tables.
      const gone = usable.flatMap(([key, value]) =>
        value === null && (ours.has(key) || drifted.has(key)) ? [key] : [],
      )
      if (compiled) await drop(gone, signal)
      let [asRead, written] = [text, text]
      await editFile(path, RIGHTS, (before) => {
        const parsed = parse(before)
        const wanted = changedEntries(parsed.ours, usable)
        asRead = before
        written = before
        // Postfix takes no mail without its table, so an empty one is begun as well.
        if (wanted === parsed.ours && before !== '') return before
        written = mapText(path, parsed, wanted)
        known = { text: written, parsed: parseMapOf(written, parsed, wanted) }
        return written
      })
      const isThere = (key: Name, value: string) => seen && ours.get(key) === value && !drifted.has(key)
      const entered = usable.flatMap(([key, value]) =>
        value === null || isThere(key, value) ? [] : [[key, value] as const],
      )
      const anew = !compiled || entered.length > MANY
      await (anew ? run([table], signal) : set(new Map(entered), signal))
      await dateTable()
      for (const key of changes.keys()) drifted.delete(key)
      const now = anew || (seen && asRead === text) ? await standing() : undefined
      if (anew) drifted.clear()
      agreed = now === undefined ? undefined : { text: written, table: now }
      return [...changes.keys()].filter((key) => foreign.has(key))
    },
  }

  /** What a text says that was made of these: a new file has its header besides. */
  function parseMapOf(text: string, { foreign, before, after }: MapText, ours: Entries): MapText {
    return before.length + after.length > 0 ? { ours, foreign, before, after } : parseMap(path, text)
  }
}
