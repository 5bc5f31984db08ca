<?php
// The keys that the provider signs with (its JWKS), kept in Roundcube's database for an hour. An unknown key has them fetched
// anew, at most twice a minute whoever asks; while the provider is down, the older copy serves for a day.

final class schedar_keys {
	private const FRESH = 3600;
	private const STALE = 86400;
	private const PAUSE = 30;

	private schedar_store $store;
	private \GuzzleHttp\Client $http;
	private string $address;

	public function __construct(schedar_store $store, \GuzzleHttp\Client $http, string $address) {
		$this->store = $store;
		$this->http = $http;
		$this->address = $address;
	}

	/**
	 * @return array<int, mixed>
	 * @throws RuntimeException when they cannot be had
	 */
	public function of(bool $anew): array {
		$name = 'keys.' . hash('sha256', $this->address);
		$copy = (array) json_decode((string) $this->store->get($name), true) + ['at' => 0, 'asked' => 0, 'keys' => []];
		$age = time() - ($anew ? $copy['asked'] : $copy['at']);
		if ($age >= ($anew ? self::PAUSE : self::FRESH)) {
			$keys = $this->fetched();
			$copy = ['at' => $keys ? time() : $copy['at'], 'asked' => $anew ? time() : $copy['asked'], 'keys' => $keys ?: $copy['keys']];
			$this->store->put($name, json_encode($copy), self::STALE);
		}
		if (time() - $copy['at'] > self::STALE) {
			throw new RuntimeException('the keys of the provider cannot be had');
		}

		return $copy['keys'];
	}

	private function fetched(): array {
		try {
			$answer = json_decode((string) $this->http->get($this->address)->getBody(), true, 8);
		} catch (\GuzzleHttp\Exception\GuzzleException $failed) {
			return [];
		}

		return is_array($answer['keys'] ?? null) ? $answer['keys'] : [];
	}
}
