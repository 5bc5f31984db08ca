import { countersAtOnce } from '../contract/counters.ts'

countersAtOnce('SQLite', async () => undefined, 25)
