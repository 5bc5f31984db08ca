<?php
// Tokens that an OpenID provider signs: ID tokens, and tokens that tell of an event such as a logout, checked with openssl
// alone. None is ever taken for another. It knows nothing of the application that it is part of: any kit in PHP may carry
// this very file.

/** Why a token is refused, in English for the log; it never holds the token. */
final class schedar_token_refused extends RuntimeException {
	/** True when its times do not fit the clock of this machine. */
	public bool $of_clock;

	public function __construct(string $detail, bool $of_clock = false) {
		parent::__construct($detail);
		$this->of_clock = $of_clock;
	}
}

final class schedar_tokens {
	private const LONGEST = 16384;
	/** Seconds by which two clocks may differ, and for which a token is young. */
	public const SKEW = 60;
	public const YOUNG = 600;
	private const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

	private string $issuer;
	private string $client;
	/** @var callable(bool): array<int, array<string, mixed>> */
	private $keys;

	/** @param callable(bool): array<int, array<string, mixed>> $keys the issuer's JWKS; true: fetched anew for a key that is not in it */
	public function __construct(string $issuer, string $client, callable $keys) {
		$this->issuer = $issuer;
		$this->client = $client;
		$this->keys = $keys;
	}

	/**
	 * The claims of the ID token that answers this very attempt (OpenID Connect Core §3.1.3.7).
	 *
	 * @return array<string, mixed>
	 * @throws schedar_token_refused
	 */
	public function id_token($token, string $nonce, string $access_token): array {
		[$header, $claims] = $this->read($token);
		if (self::type($header['typ'] ?? 'JWT') !== 'jwt' || isset($claims['events'])) {
			throw new schedar_token_refused('not an ID token');
		}
		$this->check_common($claims);
		if (!self::same($nonce, $claims['nonce'] ?? null)) {
			throw new schedar_token_refused('another nonce');
		}
		// §3.1.3.6: binds the access token to this one. Both algorithms here hash with SHA-256.
		$half = rtrim(strtr(base64_encode(substr(hash('sha256', $access_token, true), 0, 16)), '+/', '-_'), '=');
		if (isset($claims['at_hash']) && !self::same($half, $claims['at_hash'])) {
			throw new schedar_token_refused('the access token is not the one it came with');
		}

		return $claims;
	}

	/**
	 * The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6). `sub` is asked for: every session of the
	 * account ends.
	 *
	 * @return array<string, mixed>
	 * @throws schedar_token_refused
	 */
	public function logout_token($token): array {
		return $this->event_token($token, 'logout+jwt', self::LOGOUT_EVENT)[0];
	}

	/**
	 * The claims of a token that tells of one event, and what it says of it (RFC 8417 §2.2). Its type decides what it is
	 * (RFC 8725 §3.11).
	 *
	 * @return array{0: array<string, mixed>, 1: stdClass}
	 * @throws schedar_token_refused
	 */
	public function event_token($token, string $type, string $event): array {
		[$header, $claims] = $this->read($token);
		if (self::type($header['typ'] ?? null) !== $type) {
			throw new schedar_token_refused("not a $type");
		}
		$this->check_common($claims);
		if (isset($claims['nonce'])) {
			throw new schedar_token_refused('a token of events has no nonce');
		}
		$told = ($claims['events'] ?? null) instanceof stdClass ? $claims['events']->{$event} ?? null : null;
		if (!$told instanceof stdClass) {
			throw new schedar_token_refused('it tells of another event, or of none');
		}
		if (!is_string($claims['jti'] ?? null) || $claims['jti'] === '') {
			throw new schedar_token_refused('no jti');
		}

		return [$claims, $told];
	}

	/** True for a public JWK that these tokens may be signed with. */
	public static function is_key(array $jwk): bool {
		return self::pem($jwk, 'RS256') !== null || self::pem($jwk, 'ES256') !== null;
	}

	/** A media type without what RFC 7515 §4.1.9 lets one leave out; letter case does not count (RFC 2045 §5.1). */
	private static function type($typ): string {
		return is_string($typ) ? preg_replace('#^application/#', '', strtolower($typ)) : '';
	}

	/** What all kinds of token share: issuer, audience, subject and times. */
	private function check_common(array $claims): void {
		if (!self::same($this->issuer, $claims['iss'] ?? null)) {
			throw new schedar_token_refused('another issuer');
		}
		$for = is_array($claims['aud'] ?? null) ? $claims['aud'] : [$claims['aud'] ?? null];
		if (!in_array($this->client, $for, true)) {
			throw new schedar_token_refused('meant for another client');
		}
		if ((count($for) > 1 || isset($claims['azp'])) && !self::same($this->client, $claims['azp'] ?? null)) {
			throw new schedar_token_refused('azp is another client');
		}
		if (!is_string($claims['sub'] ?? null) || $claims['sub'] === '' || strlen($claims['sub']) > 255) {
			throw new schedar_token_refused('no subject');
		}
		$now = time();
		[$issued, $until, $from] = [$claims['iat'] ?? null, $claims['exp'] ?? null, $claims['nbf'] ?? 0];
		if (!is_int($issued) || !is_int($until) || !is_int($from)) {
			throw new schedar_token_refused('times missing');
		}
		if ($until <= $now - self::SKEW || $from > $now + self::SKEW) {
			throw new schedar_token_refused('expired, or not valid yet; are the clocks right?', true);
		}
		if ($issued > $now + self::SKEW || $issued < $now - self::YOUNG - self::SKEW) {
			throw new schedar_token_refused('not of now; is the clock of this machine right?', true);
		}
	}

	/**
	 * Header and payload of a compact JWS (RFC 7515) that the issuer signed; nested objects stay objects. The key decides the
	 * algorithm, never the token; whatever else a header says of keys (jku, jwk, x5u, x5c) is not read.
	 *
	 * @return array{0: array<string, mixed>, 1: array<string, mixed>}
	 */
	private function read($token): array {
		$parts = is_string($token) && strlen($token) <= self::LONGEST ? explode('.', $token) : [];
		if (count($parts) !== 3) {
			throw new schedar_token_refused('not a compact JWS');
		}
		$header = json_decode((string) self::bytes($parts[0]), false, 8);
		$claims = json_decode((string) self::bytes($parts[1]), false, 8);
		$signature = self::bytes($parts[2]);
		if (!$header instanceof stdClass || !$claims instanceof stdClass || $signature === null) {
			throw new schedar_token_refused('header, payload or signature is not what it should be');
		}
		$header = (array) $header;
		[$alg, $kid] = [$header['alg'] ?? null, $header['kid'] ?? null];
		if (!in_array($alg, ['RS256', 'ES256'], true) || !is_string($kid) || isset($header['crit'])) {
			throw new schedar_token_refused('algorithm, kid or crit in its header');
		}
		$pem = $this->key($kid, $alg);
		$der = self::signature($alg, $signature);
		if ($pem === null || $der === null) {
			throw new schedar_token_refused('no key of the issuer fits it');
		}
		$key = openssl_pkey_get_public($pem);
		if (!$key || openssl_verify("$parts[0].$parts[1]", $der, $key, OPENSSL_ALGO_SHA256) !== 1) {
			throw new schedar_token_refused('wrong signature');
		}

		return [$header, (array) $claims];
	}

	/** The issuer's key of this `kid` for this algorithm. */
	private function key(string $kid, string $alg): ?string {
		foreach ([false, true] as $anew) {
			$named = array_filter(($this->keys)($anew), fn($jwk) => is_array($jwk) && self::same($kid, $jwk['kid'] ?? null));
			foreach ($named as $jwk) {
				if ($pem = self::pem($jwk, $alg)) {
					return $pem;
				}
			}
			if ($named) {
				return null;
			}
		}

		return null;
	}

	/** A public JWK (RFC 7518 §6) as PEM; null for one that is not of this algorithm. */
	private static function pem(array $jwk, string $alg): ?string {
		if (($jwk['use'] ?? 'sig') !== 'sig' || ($jwk['alg'] ?? $alg) !== $alg) {
			return null;
		}
		$number = fn(string $name) => (string) self::bytes($jwk[$name] ?? null);
		if ($alg === 'RS256' && ($jwk['kty'] ?? '') === 'RSA') {
			[$n, $e] = [ltrim($number('n'), "\0"), $number('e')];
			if (strlen($n) < 256 || $e === '') {
				return null;
			}
			$key = self::der(0x30, self::integer($n) . self::integer($e));
			$algorithm = hex2bin('300d06092a864886f70d0101010500');
		} elseif ($alg === 'ES256' && ($jwk['kty'] ?? '') === 'EC' && ($jwk['crv'] ?? '') === 'P-256') {
			[$x, $y] = [$number('x'), $number('y')];
			if (strlen($x) !== 32 || strlen($y) !== 32) {
				return null;
			}
			$key = "\x04" . $x . $y;
			$algorithm = hex2bin('301306072a8648ce3d020106082a8648ce3d030107');
		} else {
			return null;
		}
		$der = self::der(0x30, $algorithm . self::der(0x03, "\0" . $key));

		return "-----BEGIN PUBLIC KEY-----\n" . chunk_split(base64_encode($der), 64, "\n") . "-----END PUBLIC KEY-----\n";
	}

	/** ECDSA in a JWS is r and s of 32 bytes each (RFC 7518 §3.4); openssl wants them in DER. */
	private static function signature(string $alg, string $signature): ?string {
		if ($alg === 'RS256') {
			return $signature;
		}

		return strlen($signature) === 64
			? self::der(0x30, self::integer(substr($signature, 0, 32)) . self::integer(substr($signature, 32)))
			: null;
	}

	private static function der(int $type, string $value): string {
		$n = strlen($value);
		$length = $n < 128 ? chr($n) : ltrim(pack('N', $n), "\0");

		return chr($type) . ($n < 128 ? '' : chr(0x80 | strlen($length))) . $length . $value;
	}

	/** An unsigned number as a DER INTEGER: no useless zero in front, one where the first bit would mean « negative ». */
	private static function integer(string $bytes): string {
		$bytes = ltrim($bytes, "\0");

		return self::der(0x02, ($bytes === '' || ord($bytes[0]) & 0x80 ? "\0" : '') . $bytes);
	}

	/** The bytes of a base64url text (RFC 7515 §2: no padding, no other letter), or null. */
	private static function bytes($text): ?string {
		if (!is_string($text) || !preg_match('/^[A-Za-z0-9_-]+$/D', $text)) {
			return null;
		}
		$bytes = base64_decode(strtr($text, '-_', '+/'), true);

		return $bytes === false ? null : $bytes;
	}

	private static function same(string $expected, $given): bool {
		return is_string($given) && hash_equals($expected, $given);
	}
}
