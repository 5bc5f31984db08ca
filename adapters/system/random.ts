// Randomness from the operating system: with clock.ts, the only place where the program meets chance.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Random } from '../../src/ports.ts'

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
}
