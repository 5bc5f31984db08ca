import { twoTreasurers } from '../contract/two-treasurers.ts'

twoTreasurers('SQLite', async () => undefined)
