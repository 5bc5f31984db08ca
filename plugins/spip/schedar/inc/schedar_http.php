<?php
// Requests to the provider: no redirect followed, a bounded time, a bounded answer, certificates checked (PHP's default).

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/** Seconds without a byte, seconds for a whole answer, and bytes of one. */
const SCHEDAR_HTTP_DELAI = 5;
const SCHEDAR_HTTP_TOTAL = 8;
const SCHEDAR_HTTP_TAILLE = 262144;

/**
 * GET, or POST of a form when `$formulaire` is given.
 *
 * @param array<string, string>|null $formulaire
 * @param string[] $entetes
 * @return array{statut: int, json: ?array, date: string, lieu: string}|null its `Date` and `Location` too; null when the
 * provider cannot be reached
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
	$fin = microtime(true) + SCHEDAR_HTTP_TOTAL;
	$flux = @fopen($adresse, 'rb', false, stream_context_create(['http' => $options]));
	if (!$flux) {
		if (!ini_get('allow_url_fopen')) {
			schedar_journal('PHP may not fetch addresses: allow_url_fopen is off');
		}

		return null;
	}
	stream_set_timeout($flux, SCHEDAR_HTTP_DELAI);
	$corps = schedar_http_lire($flux, $fin);
	$etat = stream_get_meta_data($flux);
	fclose($flux);
	if ($corps === null || $etat['timed_out']) {
		return null;
	}
	$lignes = array_map('strval', is_array($etat['wrapper_data'] ?? null) ? $etat['wrapper_data'] : []);
	if (!preg_match('#^HTTP/\S+ (\d{3})#', $lignes[0] ?? '', $r)) {
		return null;
	}
	$json = json_decode($corps, true, 16);
	$entete = fn(string $nom) => trim(substr(current(preg_grep("/^$nom:/i", $lignes)) ?: "$nom:", strlen($nom) + 1));

	return ['statut' => (int) $r[1], 'json' => is_array($json) ? $json : null, 'date' => $entete('date'), 'lieu' => $entete('location')];
}

/** The body; null for one that is too long, or that trickles in for too long. */
function schedar_http_lire($flux, float $fin): ?string {
	$corps = '';
	while (!feof($flux)) {
		// Of a chunked body fread() waits for as many bytes as it is asked for: one, then what has come with it.
		$corps .= (string) fread($flux, 1);
		$recu = stream_get_meta_data($flux);
		if ($recu['unread_bytes'] > 0) {
			$corps .= (string) fread($flux, $recu['unread_bytes']);
		}
		if (strlen($corps) > SCHEDAR_HTTP_TAILLE || microtime(true) > $fin) {
			return null;
		}
		if ($recu['timed_out']) {
			break;
		}
	}

	return $corps;
}
