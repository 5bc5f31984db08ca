<?php
// The door in: the authorization response, the tokens, the author, the session.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_depart');
include_spip('inc/schedar_jetons');
include_spip('inc/schedar_auteurs');

function action_schedar_retour_dist() {
	schedar_ouvrir('schedar_revenir');
}

function schedar_revenir(): void {
	// Before anything is asked of Schedar: a logout that arrives from now on is later than this sign-in.
	$debut = schedar_instant();
	$state = $_GET['state'] ?? null;
	$en_cours = is_string($state) && isset($_COOKIE[schedar_cookie_prefixe() . $state]);
	if (!$en_cours && ($GLOBALS['visiteur_session']['auth'] ?? '') === 'schedar') {
		// Back, or reload, after a sign-in that went well.
		schedar_rediriger(schedar_arrivee('', $GLOBALS['visiteur_session']));
	}
	$depart = schedar_reprendre_depart($state);
	$jetons = schedar_echanger_code(schedar_code_recu(), $depart['v']);
	$dits = schedar_jeton_identite($jetons['id_token'], $depart['n'], $jetons['access_token']);
	$auteur = schedar_auteur(schedar_profil($jetons['access_token'], $dits['sub']), $debut);

	include_spip('inc/auth');
	$auteur['auth'] = 'schedar';
	$auteur['schedar_debut'] = $debut;
	$auteur['schedar_jeton'] = $jetons['id_token'];
	// auth_loger() takes a new session identifier: one that was planted before is worth nothing.
	if (!auth_loger($auteur)) {
		throw new SchedarRefus('refus_supprime', 'SPIP does not let author ' . (int) $auteur['id_auteur'] . ' in');
	}
	schedar_journal('author ' . (int) $auteur['id_auteur'] . ' signed in');
	schedar_rediriger(schedar_arrivee($depart['r'], $auteur));
}

/** The code of the response, once the response is known to come from this issuer (RFC 9207 §2.4). */
function schedar_code_recu(): string {
	if (!schedar_egal(schedar_reglages()['emetteur'], $_GET['iss'] ?? null)) {
		throw new SchedarRefus('refus_jeton', 'the response names another issuer, or none');
	}
	$erreur = $_GET['error'] ?? null;
	if ($erreur !== null) {
		$cles = ['access_denied' => 'refus_acces', 'server_error' => 'refus_fournisseur', 'temporarily_unavailable' => 'refus_fournisseur'];
		$detail = is_string($erreur) ? $erreur : 'an error that is not a word';
		throw new SchedarRefus((is_string($erreur) ? $cles[$erreur] ?? null : null) ?? 'refus_interrompu', "the provider answered: $detail");
	}
	$code = $_GET['code'] ?? null;
	if (!is_string($code) || $code === '' || strlen($code) > 2048) {
		throw new SchedarRefus('refus_retour', 'no code in the response', 400);
	}

	return $code;
}

/** @return array{id_token: string, access_token: string} */
function schedar_echanger_code(string $code, string $verifier): array {
	$reponse = schedar_http(schedar_decouverte()['token_endpoint'], [
		'grant_type' => 'authorization_code',
		'code' => $code,
		'redirect_uri' => schedar_adresse_retour(),
		'code_verifier' => $verifier,
	], [schedar_entete_client()]);
	if (!$reponse || $reponse['statut'] >= 500) {
		throw new SchedarRefus('refus_fournisseur', 'the token endpoint does not answer', 503);
	}
	$erreur = is_string($reponse['json']['error'] ?? null) ? $reponse['json']['error'] : '';
	if ($erreur === 'invalid_client' || $reponse['statut'] === 401) {
		throw new SchedarRefus('refus_reglages', 'the provider does not know this client or this secret', 503);
	}
	if ($erreur === 'invalid_grant') {
		// Too late, used already, or the account was suspended since: beginning again tells which.
		throw new SchedarRefus('refus_retour', 'the code is not worth anything any more', 400);
	}
	$jetons = $reponse['json'] ?? [];
	if ($reponse['statut'] !== 200 || !is_string($jetons['id_token'] ?? null) || !is_string($jetons['access_token'] ?? null)) {
		throw new SchedarRefus('refus_jeton', 'the token endpoint answered ' . $reponse['statut'] . " $erreur");
	}
	if (preg_match('/[^\x21-\x7e]/', $jetons['access_token'])) {
		throw new SchedarRefus('refus_jeton', 'the access token holds characters that no header may');
	}

	return $jetons;
}

/** The claims about the person; their subject must be the ID token's (OpenID Connect Core §5.3.2). */
function schedar_profil(string $jeton_acces, string $sub): array {
	$reponse = schedar_http(schedar_decouverte()['userinfo_endpoint'], null, ["Authorization: Bearer $jeton_acces"]);
	if (!$reponse || $reponse['statut'] >= 500) {
		throw new SchedarRefus('refus_fournisseur', 'the userinfo endpoint does not answer', 503);
	}
	if ($reponse['statut'] === 401 || $reponse['statut'] === 403) {
		throw new SchedarRefus('refus_acces', 'access was withdrawn during the sign-in');
	}
	if ($reponse['statut'] !== 200 || !schedar_egal($sub, $reponse['json']['sub'] ?? null)) {
		throw new SchedarRefus('refus_jeton', 'the userinfo answer is about somebody else');
	}

	return $reponse['json'];
}

/** Where the visitor goes: the address of this site they came from, else the private area, else the home page. */
function schedar_arrivee(string $retour, array $auteur): string {
	$site = schedar_reglages()['site'];
	// SPIP 4.4 names the private area in its parameters, earlier releases in a constant.
	$parametre = 'SpipLeague\\Component\\Kernel\\param';
	$prive = $site . '/' . (defined('_DIR_RESTREINT_ABS') ? _DIR_RESTREINT_ABS : $parametre('spip.routes.back_office'));
	$redige = in_array($auteur['statut'] ?? '', ['0minirezo', '1comite'], true);
	$retour = schedar_adresse_interne($retour);
	if ($retour === '' || (!$redige && str_starts_with($retour, $prive))) {
		return $redige ? $prive : $site . '/';
	}

	return $retour;
}
