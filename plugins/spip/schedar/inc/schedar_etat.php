<?php
// What the settings page shows, and what its button tries. Nothing here holds the secret.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_rattacher');
include_spip('inc/schedar_jetons');
include_spip('inc/schedar_depart');
include_spip('inc/schedar_secours');

/** Seconds by which the clocks may differ before somebody should look at them; tokens bear schedar_tokens::SKEW. */
const SCHEDAR_ECART_VISIBLE = 20;

/** A date as the person reads dates, from a Unix time; a dash for none. */
function schedar_date(int $quand): string {
	include_spip('inc/filtres_dates');

	return $quand ? affdate_heure(date('Y-m-d H:i:s', $quand)) : '–';
}

/** @return array<int, array{0: string, 1: string, 2: bool}> key of the text, value as plain text, whether it is as it should be */
function schedar_etat(): array {
	try {
		$reglages = schedar_reglages();
	} catch (SchedarRefus $refus) {
		return [['etat_reglages', $refus->getMessage(), false]];
	}
	$cles = schedar_etat_cles();
	$ici = rtrim($GLOBALS['meta']['adresse_site'] ?? '', '/');
	$oui_non = fn(bool $oui) => _T($oui ? 'item_oui' : 'item_non');
	$secours = schedar_secours_depuis();
	$noter = fn(string $porte) => schedar_date((int) @filemtime(schedar_dossier() . "dernier-$porte"));
	$emetteur = 'emetteur=' . sql_quote($reglages['emetteur'], '', 'text');

	return [
		['etat_emetteur', $reglages['emetteur'], true],
		['etat_client', $reglages['client'], true],
		['etat_site', $reglages['site'] . ($ici === $reglages['site'] ? '' : ' ≠ ' . $ici), $ici === $reglages['site']],
		['etat_cles', $cles['le'] ? implode(', ', $cles['kid']) . ' (' . schedar_date($cles['le']) . ')' : '–', $cles['le'] > time() - SCHEDAR_RASSIS],
		['etat_seul', $oui_non(($GLOBALS['meta']['schedar_seul'] ?? '') === 'oui'), true],
		['etat_courriel', $oui_non($reglages['rattacher']), true],
		['etat_duree', round($reglages['duree'] / 3600, 1) . ' h', true],
		['etat_auteurs', (string) sql_countsel('spip_schedar_auteurs', [$emetteur, 'id_auteur>0']), true],
		['etat_fin', $noter('fin'), true],
		['etat_statut', $noter('statut'), true],
		['etat_secours', $secours ? _T('schedar:etat_secours_jusque', ['date' => schedar_date($secours + SCHEDAR_SECOURS_DUREE)]) : $oui_non(false), !$secours],
	];
}

/** The keys that are kept, without asking for any. @return array{kid: string[], le: int} */
function schedar_etat_cles(): array {
	$plus_recente = ['kid' => [], 'le' => 0];
	foreach (glob(schedar_dossier() . 'cles-*.json') ?: [] as $fichier) {
		$copie = schedar_lire_copie($fichier);
		if ($copie['le'] > $plus_recente['le'] && is_array($copie['document']['keys'] ?? null)) {
			$kid = array_filter(array_column(array_filter($copie['document']['keys'], 'is_array'), 'kid'), 'is_string');
			$plus_recente = ['kid' => array_values($kid), 'le' => (int) $copie['le']];
		}
	}

	return $plus_recente;
}

/**
 * Local authors that may be people who arrived through Schedar: the same address, or the login that was taken.
 *
 * @return array<int, array{id: int, nom: string, arrive: string}>
 */
function schedar_jumeaux(): array {
	$emetteur = defined('_SCHEDAR_EMETTEUR') ? _SCHEDAR_EMETTEUR : '';
	$arrives = sql_allfetsel(
		'A.id_auteur, A.nom, A.login, A.email',
		'spip_auteurs AS A INNER JOIN spip_schedar_auteurs AS L ON L.id_auteur=A.id_auteur',
		["A.statut<>'5poubelle'", 'L.emetteur=' . sql_quote($emetteur, '', 'text')],
		'',
		'A.id_auteur DESC',
		'0,500'
	);
	$jumeaux = [];
	foreach ($arrives as $arrive) {
		foreach (schedar_ressemblants($arrive) as $local) {
			$jumeaux[] = ['id' => (int) $local['id_auteur'], 'nom' => $local['nom'] . ' (' . $local['login'] . ')', 'arrive' => $arrive['nom'] . ' (' . $arrive['login'] . ')'];
		}
	}

	return array_slice($jumeaux, 0, 50);
}

/**
 * Tries what a sign-in needs, one thing after the other, until one fails.
 *
 * @return array<int, array{0: string, 1: bool, 2: string}> key of the text, whether it went well, a detail in plain text
 */
function schedar_essayer_connexion(): array {
	$faits = [];
	try {
		$reglages = schedar_reglages();
		$debut = microtime(true);
		$adresse = rtrim($reglages['emetteur'], '/') . '/.well-known/openid-configuration';
		$reponse = schedar_http($adresse);
		$document = $reponse['json'] ?? [];
		$repond = $reponse && $reponse['statut'] === 200 && schedar_decouverte_valable($document);
		$faits[] = ['essai_repond', $repond, $repond ? round(1000 * (microtime(true) - $debut)) . ' ms' : $adresse];
		if (!$repond) {
			return $faits;
		}
		$ecart = abs(time() - (strtotime($reponse['date']) ?: time()));
		$faits[] = ['essai_horloge', $ecart < SCHEDAR_ECART_VISIBLE, "$ecart s"];
		$cles = array_filter(schedar_cles(true), [schedar_tokens::class, 'is_key']);
		$faits[] = ['essai_cles', $cles !== [], implode(', ', array_column($cles, 'kid'))];
		$faits[] = schedar_essayer_secret($document['token_endpoint']);
		$faits[] = schedar_essayer_adresse($document['authorization_endpoint']);
	} catch (SchedarRefus $refus) {
		$faits[] = ['essai_reglages', false, $refus->getMessage()];
	}

	return $faits;
}

/** A code that nobody gave: whoever answers « invalid_grant » has recognised client and secret (RFC 6749 §5.2). */
function schedar_essayer_secret(string $adresse): array {
	$reglages = schedar_reglages();
	$reponse = schedar_http($adresse, [
		'grant_type' => 'authorization_code',
		'code' => schedar_base64url(random_bytes(16)),
		'redirect_uri' => schedar_adresse_retour(),
		'code_verifier' => schedar_base64url(random_bytes(32)),
	], [schedar_entete_client()]);
	$erreur = is_string($reponse['json']['error'] ?? null) ? $reponse['json']['error'] : 'no answer';

	return ['essai_secret', $erreur === 'invalid_grant', $erreur === 'invalid_grant' ? $reglages['client'] : $erreur];
}

/** Without anybody signed in, Schedar answers `login_required` to a redirect URI that it knows, and a page to any other. */
function schedar_essayer_adresse(string $adresse): array {
	$reponse = schedar_http($adresse . (str_contains($adresse, '?') ? '&' : '?') . http_build_query([
		'response_type' => 'code',
		'client_id' => schedar_reglages()['client'],
		'redirect_uri' => schedar_adresse_retour(),
		'scope' => 'openid',
		'prompt' => 'none',
		'state' => schedar_base64url(random_bytes(16)),
		'nonce' => schedar_base64url(random_bytes(16)),
		'code_challenge' => schedar_base64url(random_bytes(32)),
		'code_challenge_method' => 'S256',
	], '', '&', PHP_QUERY_RFC3986));

	return ['essai_adresse', str_starts_with($reponse['lieu'] ?? '', schedar_adresse_retour() . '&'), schedar_adresse_retour()];
}
