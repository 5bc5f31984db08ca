<?php
// What the plugin keeps in Roundcube's own database, so that several web servers share it: rows of `cache_shared`, which
// Roundcube clears by their date, and the rows of `session` that it removes.

final class schedar_store {
	private const PREFIX = 'schedar.';
	private const PAGE = 100;

	private rcube_db $db;

	public function __construct(rcube_db $db) {
		$this->db = $db;
	}

	/** Milliseconds since 1970: two things of one second must be told apart. */
	public static function now(): int {
		return (int) floor(microtime(true) * 1000);
	}

	public function get(string $name): ?string {
		$found = $this->db->query("SELECT `data` FROM {$this->cache()} WHERE `cache_key` = ?", self::PREFIX . $name);
		$row = $found ? $this->db->fetch_assoc($found) : null;

		return $row ? $row['data'] : null;
	}

	/** @throws RuntimeException when it cannot be kept */
	public function put(string $name, string $data, int $seconds): void {
		$done = $this->db->insert_or_update($this->cache(), ['cache_key' => self::PREFIX . $name], ['expires', 'data'], [$this->in($seconds), $data]);
		if (!$done || $this->db->is_error($done)) {
			throw new RuntimeException("Roundcube's database cannot be written");
		}
	}

	/** True the first time that this is asked, within these seconds, by whichever server. */
	public function once(string $what, int $seconds): bool {
		$this->db->query("DELETE FROM {$this->cache()} WHERE `cache_key` LIKE ? AND `expires` < " . $this->db->now(), self::PREFIX . 'once.%');
		$name = self::PREFIX . 'once.' . hash('sha256', $what);
		// The primary key decides between two that ask at once.
		$this->db->set_option('ignore_key_errors', true);
		$done = $this->db->query("INSERT INTO {$this->cache()} (`cache_key`, `expires`, `data`) VALUES (?, ?, '1')", $name, $this->in($seconds));
		$this->db->set_option('ignore_key_errors', false);
		$first = $done && !$this->db->is_error($done) && $this->db->affected_rows($done) === 1;
		if (!$first && $this->get(substr($name, strlen(self::PREFIX))) === null) {
			throw new RuntimeException("Roundcube's database cannot be written");
		}

		return $first;
	}

	/** From now on no session of the account counts that was begun before. */
	public function end(string $sub, int $seconds): void {
		$this->put('ended.' . hash('sha256', $sub), (string) self::now(), $seconds);
	}

	/** The instant of the account's last logout, in milliseconds; 0: there was none. */
	public function ended(string $sub): int {
		return (int) $this->get('ended.' . hash('sha256', $sub));
	}

	/** Removes the sessions that this account has opened; how many there were. */
	public function remove_sessions(string $sub): int {
		$table = $this->db->table_name('session', true);
		$found = [];
		for ($last = ''; $last !== null;) {
			$rows = $this->db->limitquery("SELECT `sess_id`, `vars` FROM $table WHERE `sess_id` > ? ORDER BY `sess_id`", 0, self::PAGE, $last);
			for ($last = null; $row = $this->db->fetch_assoc($rows);) {
				$last = $row['sess_id'];
				if ($this->is_of(base64_decode($row['vars']), $sub)) {
					$found[] = $last;
				}
			}
		}
		foreach ($found as $id) {
			$this->db->query("DELETE FROM $table WHERE `sess_id` = ?", $id);
		}

		return count($found);
	}

	/** Sessions are many and long: only those that hold the name at all are taken apart. */
	private function is_of(string $vars, string $sub): bool {
		return strpos($vars, $sub) !== false && (rcube_session::unserialize($vars)['schedar']['sub'] ?? null) === $sub;
	}

	private function cache(): string {
		return $this->db->table_name('cache_shared', true);
	}

	private function in(int $seconds) {
		return $this->db->param($this->db->now($seconds), rcube_db::TYPE_SQL);
	}
}
