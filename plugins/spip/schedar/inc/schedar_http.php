<?php
// Requests to the provider: no redirect followed, a bounded time, a bounded answer, certificates checked (PHP's default).

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/** Seconds for one request, and bytes of one answer. */
const SCHEDAR_HTTP_DELAI = 5;
const SCHEDAR_HTTP_TAILLE = 262144;

/**
 * GET, or POST of a form when `$formulaire` is given.
 *
 * @param array<string, string>|null $formulaire
 * @param string[] $entetes
 * @return array{statut: int, json: ?array}|null null when the provider cannot be reached
 */
function schedar_http(string $adresse, ?array $formulaire = null, array $entetes = []): ?array {
	$entetes = array_merge(['Accept: application/json', 'Connection: close'], $entetes);
	$options = [
		'method' => $formulaire === null ? 'GET' : 'POST',
		'timeout' => SCHEDAR_HTTP_DELAI,
		'ignore_errors' => true,
		'follow_location' => 0,
		'protocol_version' => '1.1',
		'user_agent' => 'Schedar-SPIP/1.0',
	];
	if ($formulaire !== null) {
		$entetes[] = 'Content-Type: application/x-www-form-urlencoded';
		$options['content'] = http_build_query($formulaire, '', '&', PHP_QUERY_RFC1738);
	}
	$options['header'] = implode("\r\n", $entetes);
	$flux = @fopen($adresse, 'rb', false, stream_context_create(['http' => $options]));
	if (!$flux) {
		if (!ini_get('allow_url_fopen')) {
			schedar_journal('PHP may not fetch addresses: allow_url_fopen is off');
		}

		return null;
	}
	stream_set_timeout($flux, SCHEDAR_HTTP_DELAI);
	$corps = stream_get_contents($flux, SCHEDAR_HTTP_TAILLE + 1);
	$etat = stream_get_meta_data($flux);
	fclose($flux);
	if ($corps === false || $etat['timed_out'] || strlen($corps) > SCHEDAR_HTTP_TAILLE) {
		return null;
	}
	$ligne = is_array($etat['wrapper_data'] ?? null) ? (string) reset($etat['wrapper_data']) : '';
	if (!preg_match('#^HTTP/\S+ (\d{3})#', $ligne, $r)) {
		return null;
	}
	$json = json_decode($corps, true, 16);

	return ['statut' => (int) $r[1], 'json' => is_array($json) ? $json : null];
}
