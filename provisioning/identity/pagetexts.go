package identity

// texts of the pages in one language.
type texts struct {
	Lang, SignIn, User, Password, NewPassword, Again, Other string
	Continue, ContinueAs                                    string // ContinueAs: %user, %client
	SetPassword, SetPasswordWhy                             string
	Wrong, Wait, Weak, Differ                               string
	Gone, GoneTitle, SignedOut, Fault                       string

	Second, SecondWhy, Code, UsePasskey, PasskeyFailed, WrongCode, WrongPasskey string

	Account, AccountOf, NeedFactor, NeedPasskey, GoOn                  string // AccountOf: %user
	Factors, NoFactors, App, AppSince, AddApp, AppHow, AppKey, AppCode string
	Passkeys, AddPasskey, PasskeyHow, PasskeyName, Since, LastUsed     string
	Recovery, RecoveryLeft, RenewRecovery, RecoveryShown, NoPasskeys   string // RecoveryLeft: %n
	Remove, Cancel, Add                                                string
	Sessions, ThisBrowser, End, EndOthers, SignOut                     string

	Device, DeviceWhy, DeviceCode, DeviceWrong                            string
	DeviceAsks, DeviceFrom, DeviceSince, DeviceWants                      string // DeviceAsks: %client, %user
	DeviceAllow, DeviceDeny, DeviceDone, DeviceNo                         string
	Emergency, EmergencyWhy, EmergencyWho, EmergencyReason, ReasonMissing string
	Scopes                                                                map[string]string
}

var pageTexts = map[string]texts{
	"en": {
		Lang: "en", SignIn: "Sign in", User: "User", Password: "Password", NewPassword: "New password", Again: "New password again",
		Other: "Use another account", Continue: "Continue", ContinueAs: "Sign in to %client as %user?",
		SetPassword: "Set a new password", SetPasswordWhy: "The password was for one use. Choose a new one of at least 12 characters.",
		Wrong: "User or password is wrong.", Wait: "Too many attempts. Wait a moment, then try again.",
		Weak:   "This password cannot be used: at least 12 characters, not the old one, not your user name.",
		Differ: "The two passwords differ.", GoneTitle: "Start again",
		Gone:      "This sign-in has expired or was begun in another browser. Go back to the application and sign in again.",
		SignedOut: "You are signed out.", Fault: "Something went wrong here. Try again later.",

		Second: "Second step", SecondWhy: "Prove with a second factor that it is you.",
		Code: "Code of the app, or a recovery code", UsePasskey: "Use a passkey", PasskeyFailed: "The passkey could not be used. Try again.",
		WrongCode: "That was wrong, or used before.", WrongPasskey: "This passkey cannot be used here.",

		Account: "Your sign-in", AccountOf: "Signed in as %user.", GoOn: "Go on to the application",
		NeedFactor:  "The application asks for a second factor. Add one here, then go on.",
		NeedPasskey: "The application asks for a passkey. Add one here, then go on.",
		Factors:     "Second factors", NoFactors: "There is none: your password alone opens your account.",
		App: "Authenticator app", AppSince: "added", AddApp: "Set up an authenticator app", AppKey: "Or type this key into the app:",
		AppHow: "Scan this with an authenticator app, then enter the code that it shows.", AppCode: "Code that the app shows",
		Passkeys: "Passkeys", AddPasskey: "Add a passkey", PasskeyHow: "A passkey is kept by your device and opened with its PIN, finger or face.",
		PasskeyName: "Name of the passkey", Since: "since", LastUsed: "last used", NoPasskeys: "Passkeys need this service to be reached by a name, not by an address.",
		Recovery: "Recovery codes", RecoveryLeft: "%n are left.", RenewRecovery: "Make ten new codes",
		RecoveryShown: "Each of these codes signs you in once when your other factor is lost. They are shown only now: print them, and keep them apart from your device. Older ones are worth nothing any more.",
		Remove:        "Remove", Cancel: "Cancel", Add: "Add",
		Sessions: "Where you are signed in", ThisBrowser: "this browser", End: "End", EndOthers: "End all others", SignOut: "Sign out",

		Emergency: "Break-glass account", EmergencyWhy: "The use of this account has been reported, and somebody else will review it. Say who you are and why you need it. You stay signed in for an hour at most.",
		EmergencyWho: "Your name", EmergencyReason: "Reason", ReasonMissing: "Name and reason are needed.",
		Device: "Sign in a device", DeviceWhy: "Enter the code that the device shows.", DeviceCode: "Code", DeviceWrong: "No device waits with this code.",
		DeviceAsks: "%client wants to act as %user. Allow it only if you began this yourself, and the device shows the same code: whoever sent you a code or a link would be signed in as you.",
		DeviceFrom: "Asked for from", DeviceSince: "Asked for at", DeviceWants: "It asks for", DeviceAllow: "Allow", DeviceDeny: "Refuse",
		DeviceDone: "The device is signed in. You can close this window.", DeviceNo: "The device was refused. You can close this window.",
		Scopes: map[string]string{"openid": "your user name", "profile": "your display name", "offline_access": "to stay signed in", ScopeAPI: "to work with the switch as you", ScopeSIP: "to telephone as you"},
	},
	"ja": {
		Lang: "ja", SignIn: "ログイン", User: "ユーザー名", Password: "パスワード", NewPassword: "新しいパスワード", Again: "新しいパスワード(確認)",
		Other: "別のアカウントを使う", Continue: "続ける", ContinueAs: "%user として %client にログインしますか?",
		SetPassword: "新しいパスワードの設定", SetPasswordWhy: "このパスワードは一度しか使えません。12文字以上の新しいパスワードを決めてください。",
		Wrong: "ユーザー名またはパスワードが違います。", Wait: "試行回数が多すぎます。しばらく待ってからやり直してください。",
		Weak:   "このパスワードは使えません。12文字以上で、以前のパスワードやユーザー名を含まないものにしてください。",
		Differ: "二つのパスワードが一致しません。", GoneTitle: "最初からやり直してください",
		Gone:      "このログインは期限切れか、別のブラウザーで始められたものです。アプリケーションに戻ってログインし直してください。",
		SignedOut: "ログアウトしました。", Fault: "サーバーで問題が起きました。しばらくしてからやり直してください。",

		Second: "2段階目の確認", SecondWhy: "ご本人であることを、もう一つの方法で確認します。",
		Code: "認証アプリのコード、または回復用コード", UsePasskey: "パスキーを使う", PasskeyFailed: "パスキーを使えませんでした。もう一度お試しください。",
		WrongCode: "正しくないか、すでに使われたものです。", WrongPasskey: "このパスキーはここでは使えません。",

		Account: "ログインの設定", AccountOf: "%user としてログインしています。", GoOn: "アプリケーションに進む",
		NeedFactor:  "このアプリケーションには2段階目の認証が必要です。ここで追加してから進んでください。",
		NeedPasskey: "このアプリケーションにはパスキーが必要です。ここで追加してから進んでください。",
		Factors:     "2段階目の認証", NoFactors: "設定されていません。パスワードだけでログインできる状態です。",
		App: "認証アプリ", AppSince: "追加", AddApp: "認証アプリを設定する", AppKey: "読み取れない場合は、次のキーをアプリに入力してください:",
		AppHow: "認証アプリでこのコードを読み取り、アプリに表示された数字を入力してください。", AppCode: "アプリに表示された数字",
		Passkeys: "パスキー", AddPasskey: "パスキーを追加する", PasskeyHow: "パスキーは端末に保存され、端末のPIN・指紋・顔で開きます。",
		PasskeyName: "パスキーの名前", Since: "開始", LastUsed: "最終利用", NoPasskeys: "パスキーを使うには、このサービスにアドレスではなく名前で接続する必要があります。",
		Recovery: "回復用コード", RecoveryLeft: "残り%n個です。", RenewRecovery: "新しいコードを10個作る",
		RecoveryShown: "ほかの認証手段を失くしたとき、それぞれ一度だけログインに使えるコードです。表示されるのは今回だけです。印刷して、端末とは別の場所に保管してください。以前のコードは使えなくなりました。",
		Remove:        "削除", Cancel: "中止", Add: "追加",
		Sessions: "ログイン中の場所", ThisBrowser: "このブラウザー", End: "終了", EndOthers: "ほかをすべて終了", SignOut: "ログアウト",

		Emergency: "緊急用アカウント", EmergencyWhy: "このアカウントの使用はすでに通知され、別の人が事後確認を行います。お名前と理由を入力してください。ログインは最長1時間です。",
		EmergencyWho: "お名前", EmergencyReason: "理由", ReasonMissing: "お名前と理由を入力してください。",
		Device: "端末のログイン", DeviceWhy: "端末に表示されているコードを入力してください。", DeviceCode: "コード", DeviceWrong: "このコードで待っている端末はありません。",
		DeviceAsks: "%client が %user として使われようとしています。ご自分で始めた操作で、端末に同じコードが表示されている場合だけ許可してください。他人から送られたコードやリンクを許可すると、その人があなたとしてログインします。",
		DeviceFrom: "要求元", DeviceSince: "要求時刻", DeviceWants: "求められている権限", DeviceAllow: "許可する", DeviceDeny: "拒否する",
		DeviceDone: "端末のログインが完了しました。この画面を閉じてください。", DeviceNo: "端末のログインを拒否しました。この画面を閉じてください。",
		Scopes: map[string]string{"openid": "ユーザー名", "profile": "表示名", "offline_access": "ログインの維持", ScopeAPI: "あなたとしての交換機の操作", ScopeSIP: "あなたとしての通話"},
	},
}
