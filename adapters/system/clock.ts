// The machine's clock: the only place that reads it. Everything else is told the time.
import type { Clock } from '../../src/ports.ts'

export const systemClock: Clock = { now: () => Date.now() }
