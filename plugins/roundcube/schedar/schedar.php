<?php
// Roundcube 1.6 signs people in by its own OAuth; this plugin adds what that leaves out: a nonce and a state that are
// checked, sign-out at the provider, sessions that end when the provider says so, and a single door.

require_once __DIR__ . '/schedar_tokens.php';
require_once __DIR__ . '/schedar_keys.php';
require_once __DIR__ . '/schedar_store.php';

class schedar extends rcube_plugin {
	private const LOGOUT = 'plugin.schedar.logout';
	/** The skin's own buttons are too pale for white letters (WCAG 2.2 §1.4.3). */
	private const BUTTON = 'background:#0a5b8c;border-color:#0a5b8c;color:#fff';
	/** Seconds: a forgotten password is found again within this time; the provider knows whom to tell for this time. */
	private const LONGEST_ATTEMPT = 3600;
	private const LONGEST_SESSION = 14 * 86400;

	private rcmail $rc;
	private schedar_store $store;
	/** The attempt that this hit brings to its end, and when the hit began, in milliseconds. */
	private ?array $attempt = null;
	private int $begun;
	/** What the provider says of the person who has just come in. */
	private ?array $person = null;
	private string $id_token = '';
	/** The text of localization/ that says why nobody was signed in. */
	private string $trouble = '';

	public function init() {
		$this->rc = rcmail::get_instance();
		$this->store = new schedar_store($this->rc->get_dbh());
		// Before anything is asked of the provider: a logout that arrives from now on is later than this sign-in.
		$this->begun = schedar_store::now();
		foreach (['startup', 'oauth_login', 'user_create', 'login_failed', 'authenticate', 'unauthenticated', 'session_destroy', 'logout_after'] as $hook) {
			$this->add_hook($hook, [$this, $hook]);
		}
		$this->add_hook('loginform_content', [$this, 'login_form']);
	}

	/** Every hit comes through here, before anything is done for it. */
	public function startup(array $args): array {
		$door = $args['task'] === 'login' ? (string) $args['action'] : '';
		if ($door === self::LOGOUT) {
			$this->end_by_push();
		}
		if (!empty($_SESSION['user_id'])) {
			$this->keep_or_end();
		}
		if ($door === 'oauth' && !$this->is_answer()) {
			$args['action'] = '';
		}

		return $args;
	}

	/** Ends a session that must not go on; asks for a new access token when the old one has run out. */
	private function keep_or_end(): void {
		$own = $_SESSION['schedar'] ?? null;
		$why = '';
		if (!is_array($own)) {
			$why = $this->rc->config->get('schedar_single_door') ? 'it was begun with a password' : '';
		} elseif ($own['begun'] <= $this->store->ended($own['sub'])) {
			// Also one that a hit under way wrote back after the logout had removed it.
			$why = 'the provider has ended it';
		} elseif ($own['begun'] < $this->begun - self::LONGEST_SESSION * 1000) {
			$why = 'it is too old';
		}
		if ($why !== '') {
			$this->log("a session is dropped: $why");
			$this->rc->kill_session();
		} elseif (isset($_SESSION['oauth_token']['refresh_token']) && $_SESSION['oauth_token']['expires'] < time()) {
			// Roundcube does so in the middle of a page, which a refusal would leave half empty. Refused, it kills the session.
			$this->rc->oauth->refresh_access_token($_SESSION['oauth_token']);
		}
	}

	/**
	 * True for the code of an attempt that this browser began, which is then Roundcube's to exchange. By itself Roundcube 1.6
	 * takes any code from a browser that has begun nothing (RFC 9700 §4.7).
	 */
	private function is_answer(): bool {
		if (!empty($_SESSION['user_id'])) {
			// Back, reload, or a second tab, after a sign-in that went well.
			$this->rc->output->redirect(['_task' => 'mail']);
		}
		if (!isset($_GET['code']) && !isset($_GET['error'])) {
			$this->lead_to_provider();
		}
		$attempt = $_SESSION['schedar_attempt'] ?? null;
		$this->rc->session->remove('schedar_attempt');
		[$state, $issuer] = [$_GET['state'] ?? null, $_GET['iss'] ?? null];
		$ours = is_array($attempt) && $attempt['at'] > time() - self::LONGEST_ATTEMPT
			&& is_string($state) && hash_equals($attempt['state'], $state)
			// RFC 9207 §2.4: no other provider's answer.
			&& $issuer === $this->rc->config->get('schedar_issuer');
		if (!$ours) {
			return $this->refuse('again', 'the answer is to no attempt of this browser, or too late');
		}
		if (isset($_GET['error'])) {
			$error = is_string($_GET['error']) ? $_GET['error'] : 'an error that is not a word';

			return $this->refuse($error === 'access_denied' ? 'no_access' : 'interrupted', "the provider answered: $error");
		}
		$this->attempt = $attempt;
		// Roundcube's own words beside ours would be « OAuth login failed ».
		$said = $this->text('not_signed_in');
		$this->rc->load_language($_SESSION['language'], [], ['oauthloginfailed' => $said, 'loginfailed' => $said]);

		return true;
	}

	/** Tabs that begin at once share an attempt; the first that comes back signs in the browser for all of them. */
	private function lead_to_provider(): void {
		$attempt = $_SESSION['schedar_attempt'] ?? null;
		if (!is_array($attempt) || $attempt['at'] < time() - self::LONGEST_ATTEMPT / 2) {
			$attempt = ['state' => bin2hex(random_bytes(16)), 'nonce' => bin2hex(random_bytes(16)), 'at' => time()];
		}
		$_SESSION['schedar_attempt'] = $attempt;
		$config = $this->rc->config;
		$this->rc->output->redirect($config->get('oauth_auth_uri') . '?' . http_build_query([
			'response_type' => 'code',
			'client_id' => $config->get('oauth_client_id'),
			'redirect_uri' => $this->rc->oauth->get_redirect_uri(),
			'scope' => $config->get('oauth_scope'),
			'state' => $attempt['state'],
			'nonce' => $attempt['nonce'],
			'ui_locales' => $this->language(),
		]));
	}

	/** Roundcube has the tokens and reads the ID token without checking it: whatever is thrown here ends the sign-in. */
	public function oauth_login(array $args): void {
		$refuse = function (string $text, string $detail): void {
			$this->refuse($text, $detail);
			throw new RuntimeException($detail);
		};
		try {
			$claims = $this->tokens()->id_token($args['id_token'] ?? null, $this->attempt['nonce'] ?? '', (string) $args['access_token']);
		} catch (RuntimeException $refused) {
			$refuse('unverified', $refused->getMessage());
		}
		$person = is_array($args['identity']) ? $args['identity'] : [];
		// OpenID Connect Core §5.3.2.
		if (($person['sub'] ?? null) !== $claims['sub']) {
			$refuse('unverified', 'the userinfo answer is about somebody else');
		}
		if (empty($args['username'])) {
			$refuse('no_mailbox', 'the account has no login into a mailbox that is open to it');
		}
		$this->person = $person;
		$_SESSION['schedar'] = ['sub' => $claims['sub'], 'begun' => $this->begun, 'id_token' => $args['id_token']];
	}

	/** The name and the address that a new person's letters bear; a login may be no address at all. */
	public function user_create(array $args): array {
		if (is_string($this->person['name'] ?? null)) {
			$args['user_name'] = $this->person['name'];
		}
		if (is_string($this->person['mail_address'] ?? null)) {
			$args['user_email'] = $this->person['mail_address'];
		}

		return $args;
	}

	/** The provider let the person in, the mail server did not. */
	public function login_failed(array $args): void {
		if ($this->person) {
			$this->refuse('mail_refused', 'the mail server refused the token');
		}
	}

	/** A name and a password, which the single door does not know, even if they are posted without being asked for. */
	public function authenticate(array $args): array {
		if ($this->rc->config->get('schedar_single_door')) {
			$args['abort'] = true;
			$args['error'] = $this->text('single_door');
		}

		return $args;
	}

	public function unauthenticated(array $args): void {
		if ($this->attempt && $this->trouble === '') {
			$this->refuse('no_answer', "the provider took the code for nothing, or does not answer: Roundcube's log of errors says which");
		}
		$plain = !$this->rc->output->ajax_call && !$this->rc->output->get_env('framed') && empty($args['error']) && $args['http_code'] === 200;
		// Roundcube itself calls every task of somebody who is not signed in « login ».
		$leaving = rcube_utils::get_input_string('_task', rcube_utils::INPUT_GPC) === 'logout';
		if ($plain && $this->trouble === '' && !$leaving && $this->rc->config->get('schedar_redirect')) {
			$this->lead_to_provider();
		}
	}

	/** The form at the front page: one button, alone with the single door. */
	public function login_form(array $form): array {
		$link = ['href' => $this->rc->url(['_task' => 'login', '_action' => 'oauth']), 'id' => 'rcmloginoauth', 'class' => 'button oauth schedar', 'style' => self::BUTTON];
		$button = ['outterclass' => 'formbuttons', 'content' => html::a($link, html::quote($this->text('button')))];
		$alone = $this->rc->config->get('schedar_single_door');
		if ($alone) {
			$form = ['hidden' => [], 'inputs' => [], 'buttons' => []] + $form;
		}
		unset($form['buttons']['oauthlogin']);
		if ($this->trouble !== '') {
			$more = $this->trouble === 'no_access'
				? ' ' . html::a(['href' => $this->rc->config->get('schedar_issuer')], html::quote($this->text('my_account')))
				: '';
			$told = ['outterclass' => ['class' => 'boxwarning', 'role' => 'alert', 'style' => 'margin-bottom:1em;text-align:left'], 'content' => html::quote($this->text($this->trouble)) . $more];
			$form['buttons'] = ['schedar_trouble' => $told] + $form['buttons'];
		}
		$form['buttons']['schedar'] = $button;

		return $form;
	}

	public function session_destroy(): void {
		$this->id_token = (string) ($_SESSION['schedar']['id_token'] ?? '');
	}

	/** Roundcube's session is closed; the provider's is closed too (RP-Initiated Logout 1.0 §2). */
	public function logout_after(): void {
		if ($this->id_token !== '') {
			$config = $this->rc->config;
			$this->rc->output->redirect($config->get('schedar_end_session_uri') . '?' . http_build_query([
				'id_token_hint' => $this->id_token,
				'post_logout_redirect_uri' => $config->get('schedar_signed_out_uri'),
				'ui_locales' => $this->language(),
			]));
		}
	}

	/** OpenID Connect Back-Channel Logout 1.0: every session of the account ends. Answers and ends the hit. */
	private function end_by_push(): void {
		// A provider is no visitor: no session is kept for it.
		$this->rc->session->nowrite = true;
		header_remove('Set-Cookie');
		header('Cache-Control: no-store');
		try {
			if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
				throw new schedar_token_refused('a logout token is posted');
			}
			$claims = $this->tokens()->logout_token($_POST['logout_token'] ?? null);
			if (!$this->store->once($claims['iss'] . ' ' . $claims['jti'], schedar_tokens::YOUNG + 3 * schedar_tokens::SKEW)) {
				throw new schedar_token_refused('this logout token was received before');
			}
			// Remembered first: a sign-in under way, or a hit that writes its session back, is older than this instant.
			$this->store->end($claims['sub'], self::LONGEST_SESSION);
			$ended = $this->rc->config->get('session_storage', 'db') === 'db' ? $this->store->remove_sessions($claims['sub']) : 0;
			$this->log("back-channel logout: $ended sessions removed");
		} catch (RuntimeException $refused) {
			// §2.8: 400 whether the token is wrong or the logout failed.
			$this->log('back-channel logout: ' . $refused->getMessage());
			http_response_code(400);
			header('Content-Type: application/json');
			$error = $refused instanceof schedar_token_refused ? 'invalid_request' : 'server_error';
			echo json_encode(['error' => $error, 'error_description' => $refused->getMessage()]);
		}
		exit;
	}

	private function tokens(): schedar_tokens {
		$config = $this->rc->config;
		$keys = new schedar_keys($this->store, $this->rc->get_http_client(['timeout' => 5, 'allow_redirects' => false, 'verify' => $config->get('oauth_verify_peer', true)]), $config->get('schedar_jwks_uri'));

		return new schedar_tokens($config->get('schedar_issuer'), $config->get('oauth_client_id'), [$keys, 'of']);
	}

	private function refuse(string $text, string $detail): bool {
		$this->trouble = $text;
		$this->log("sign-in: $detail");

		return false;
	}

	private function text(string $name): string {
		$this->add_texts('localization/');

		return $this->gettext(['name' => $name, 'vars' => ['name' => $this->rc->config->get('oauth_provider_name')]]);
	}

	/** As the provider's `ui_locales` wants it. */
	private function language(): string {
		return strtr((string) ($_SESSION['language'] ?? 'en'), '_', '-');
	}

	/** One line of logs/schedar.log; what came from outside is cut and stripped of control characters. */
	private function log(string $line): void {
		rcube::write_log('schedar', substr(preg_replace('/[\x00-\x1f\x7f]+/', ' ', $line), 0, 400));
	}
}
