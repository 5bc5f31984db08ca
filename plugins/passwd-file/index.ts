// A file in the shape of passwd(5) with one line for each mail login that may come in. For programs that read such files:
// Dovecot's userdb, an FTP server's list of users, a script. It says who may, never a password nor its hash.
import { dirname, isAbsolute, normalize } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type Host, type LoginSubject, type Service } from '../../src/plugin.ts'
import { editFile, fileFailure, locked, mustBeFolder, mustBeHere, replaceFile, textOf } from '../../src/plugin-files.ts'
import { changed, type Entry, entriesIn, foreignIn, isLogin } from './lines.ts'

const config = z.strictObject({
  file: z
    .string()
    .refine((path) => isAbsolute(path) && normalize(path) === path && !path.endsWith('/'), 'must be an absolute path')
    .describe('The file, an absolute path. Its folder must be there and writable by Schedar, and by nobody else.'),
  host: z
    .string()
    .min(1)
    .optional()
    .describe('Host name of the machine whose file it is; a Schedar on another machine leaves it alone. Default: any.'),
  mode: z
    .enum(['0600', '0640', '0644'])
    .default('0640')
    .describe('Who may read it, as chmod(1) writes it; a file name in quotes, or YAML takes it for a number.'),
  uid: z
    .int()
    .min(0)
    .optional()
    .describe("Number of the user who owns it. Default: Schedar's own; another needs root."),
  gid: z
    .int()
    .min(0)
    .optional()
    .describe("Number of the group that may read it: one of Schedar's own groups. Default: Schedar's first."),
})
export type PasswdFileConfig = z.infer<typeof config>

const service = ({ file, host, mode, uid, gid }: PasswdFileConfig, { log }: Host) => {
  const lock = `${file}.lock`
  const rights = { mode: Number.parseInt(mode, 8), uid, gid }
  const read = (): Promise<string> =>
    textOf(file).catch((error: unknown) => {
      throw fileFailure(error, file)
    })

  return {
    async check(signal) {
      mustBeHere(host, file)
      await mustBeFolder(dirname(file))
      await read()
      // Proves the folder, the owner and the mode with a file that never gets its name.
      const never = async () => true
      await locked(lock, signal, () => replaceFile(dirname(file), '', '', 'check', rights, never))
    },

    async *list() {
      yield* entriesIn(await read()).keys()
    },

    async observe(names) {
      const held = entriesIn(await read())
      return new Map(names.flatMap((name) => (held.has(name) ? [[name, held.get(name)!] as const] : [])))
    },

    render: ({ access }) => (access === 'none' ? null : { access }),

    async apply(changes, signal) {
      mustBeHere(host, file)
      const usable = new Map([...changes].filter(([name]) => isLogin(name)))
      let foreign = new Set<string>()
      await locked(lock, signal, () =>
        editFile(file, rights, (text) => {
          foreign = foreignIn(text)
          return changed(text, usable)
        }),
      )
      for (const [login, row] of usable)
        if (row === null && foreign.has(login)) log('warn', 'passwd_file.line_not_ours', { file, login })
      // After the others: one that cannot be written must not keep a batch of suspensions from being applied.
      const left = [...changes].flatMap(([name, row]) => (!isLogin(name) || (row && foreign.has(name)) ? [name] : []))
      if (left.length > 0) throw unwritten(file, left)
    },

    close: async () => undefined,
  } satisfies Service<LoginSubject, Entry>
}

const unwritten = (file: string, names: readonly string[]): AppError =>
  new AppError('invalid_value', {
    field: 'login',
    detail: `${file} has a line of somebody else's for, or cannot hold: ${names.map((name) => JSON.stringify(name.slice(0, 80))).join(', ')}`,
  })

export default definePlugin({
  summary: 'A file in the shape of passwd(5): the mail logins that may come in, with full or restricted access.',
  manages: 'login',
  config,
  open: async (settings, host) => service(settings, host),
})
