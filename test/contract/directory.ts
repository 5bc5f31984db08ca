// What every directory must do, whoever keeps the passwords: Schedar's own tables and LDAP run the same tests.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Account, Directory } from '../../src/ports.ts'

export type OpenDirectory = {
  directory: Directory
  /** An account with a password that the directory takes: at least 12 characters. */
  account(username: string, password: string): Promise<Account>
  close(): Promise<void>
}

const soon = () => AbortSignal.timeout(30_000)
const FIRST = 'the first passphrase'
const NEXT = 'another long passphrase'

/** `open` gives a directory of its own for this run. */
export function directoryContract(name: string, open: () => Promise<OpenDirectory>): void {
  describe(`directory contract: ${name}`, () => {
    let opened: OpenDirectory
    let directory: Directory
    let count = 0
    beforeAll(async () => {
      opened = await open()
      directory = opened.directory
    })
    afterAll(async () => {
      await opened.close()
    })
    const someone = (password = FIRST) => opened.account(`person${++count}`, password)
    const verdict = (account: Account, password: string) => directory.verify(account, password, soon())

    test('the right password is right, any other is wrong', async () => {
      const account = await someone()
      expect(await verdict(account, FIRST)).toBe('ok')
      for (const other of ['the first passphras', `${FIRST} `, FIRST.toUpperCase(), `${FIRST}\0`, '*', '(uid=*)'])
        expect(await verdict(account, other), other).toBe('wrong')
      expect(await verdict(await someone(), FIRST), 'a failed check leaves nothing behind').toBe('ok')
    })

    test('an empty password is wrong', async () => {
      const account = await someone()
      expect(await verdict(account, '')).toBe('wrong')
      await expect(directory.pretend('', soon())).resolves.toBeUndefined()
    })

    test('letters beyond ASCII and long passwords count whole', async () => {
      const long = `${'0123456789'.repeat(12)}`
      for (const password of ['pässwörd — épée ✓ 密碼', long]) {
        const account = await someone(password)
        expect(await verdict(account, password)).toBe('ok')
        expect(await verdict(account, `${password.slice(0, -1)}x`), 'the last character counts').toBe('wrong')
      }
    })

    test('each of many checks at once gets its own answer', async () => {
      const [one, two] = [await someone('passphrase of one'), await someone('passphrase of two')]
      const checks = Array.from({ length: 6 }, (_, at) => verdict(at % 2 ? one : two, 'passphrase of one'))
      expect(await Promise.all(checks)).toEqual(['wrong', 'ok', 'wrong', 'ok', 'wrong', 'ok'])
    })

    test('an account that the directory does not know is wrong, and to pretend is no error', async () => {
      const account = await someone()
      const stranger = { ...account, id: 'stranger', username: 'stranger', directoryKey: null }
      expect(await verdict(stranger, FIRST)).toBe('wrong')
      await expect(directory.pretend(FIRST, soon())).resolves.toBeUndefined()
    })

    test('a password is replaced without the old one', async () => {
      const account = await someone()
      await directory.setPassword(account, NEXT, soon())
      expect(await verdict(account, NEXT)).toBe('ok')
      expect(await verdict(account, FIRST)).toBe('wrong')
    })

    test('a password is changed with the old one', async () => {
      const account = await someone()
      await directory.setPassword(account, NEXT, soon(), FIRST)
      expect(await verdict(account, NEXT)).toBe('ok')
      expect(await verdict(account, FIRST)).toBe('wrong')
    })

    test('a wrong or empty old password changes nothing (attack 30)', async () => {
      const account = await someone()
      for (const current of ['not the passphrase', '']) {
        const change = directory.setPassword(account, NEXT, soon(), current)
        await expect(change, JSON.stringify(current)).rejects.toMatchObject({ code: 'sign_in_failed' })
      }
      expect(await verdict(account, FIRST)).toBe('ok')
      expect(await verdict(account, NEXT)).toBe('wrong')
    })

    test('an empty new password is refused', async () => {
      const account = await someone()
      const reset = directory.setPassword(account, '', soon())
      await expect(reset).rejects.toMatchObject({ code: 'password_refused' })
      await expect(directory.setPassword(account, '', soon(), FIRST)).rejects.toMatchObject({
        code: 'password_refused',
      })
      expect(await verdict(account, FIRST)).toBe('ok')
    })

    test('it can be reached', async () => {
      await expect(directory.check(soon())).resolves.toBeUndefined()
    })
  })
}
