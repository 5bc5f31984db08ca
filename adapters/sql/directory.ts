// Schedar's own directory: passwords in its own tables.
import { AppError } from '../../src/domain/errors.ts'
import type { Clock, Directory, Passwords, Stores } from '../../src/ports.ts'

type Deps = { credentials: Stores['credentials']; passwords: Passwords; clock: Clock }

export function ownDirectory({ credentials, passwords, clock }: Deps): Directory {
  // Hashed once, for names that do not exist: checking against it costs what a real check costs.
  let decoy: Promise<string> | undefined
  return {
    kind: 'own',
    verify: async (account, password) => {
      const phc = await credentials.password(account.id)
      decoy ??= passwords.hash('nobody')
      const { ok, outdated } = await passwords.verify(phc ?? (await decoy), password)
      if (!phc || !ok) return 'wrong'
      if (outdated) await credentials.setPassword(account.id, await passwords.hash(password), clock.now())
      return 'ok'
    },
    pretend: async (password) => {
      decoy ??= passwords.hash('nobody')
      await passwords.verify(await decoy, password)
    },
    setPassword: async (account, password, _signal, current) => {
      if (password === '')
        throw new AppError('password_refused', { field: 'password', params: { reason: 'too_short' } })
      if (current !== undefined) {
        const phc = await credentials.password(account.id)
        const right = current !== '' && phc !== undefined && (await passwords.verify(phc, current)).ok
        if (!right) throw new AppError('sign_in_failed', { field: 'current' })
      }
      await credentials.setPassword(account.id, await passwords.hash(password), clock.now())
    },
    check: async () => {},
    close: async () => {},
  }
}
