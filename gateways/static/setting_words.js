// What each setting does; the long story is docs/settings.md.
import { language, learn } from "/logs-ui/words.js";

learn({
  "settings.file": ["Записывается в {n}; там же можно править и всё остальное.", "Written to {n}, where everything else can be set as well."],
  "settings.kb": ["Поиск ответа", "Finding answers"],
  "settings.llm": ["Языковая модель", "Language model"],
  "settings.prompts": ["Персона", "Persona"],
  "settings.tts": ["Голос", "Voice"],
  "settings.turns": ["Паузы и перебивание", "Pauses and interruptions"],
  "settings.calls": ["Разговоры", "Calls"],
  "settings.recording": ["Запись", "Recording"],
  "settings.nomodel": ["Языковая модель не подключена: ответы читаются из базы знаний. Адрес и ключ задают в файле настроек: [llm] base_url, api_key.", "No language model is set up: answers are read from the knowledge base. Its address and key are given in the settings file: [llm] base_url, api_key."],
  "settings.limits": ["От {a} до {b}.", "From {a} to {b}."],
  "settings.default": ["По умолчанию: {n}.", "Default: {n}."],
  "settings.empty": ["пусто", "empty"],
  "settings.used.turn": ["Действует со следующей реплики.", "Counts from the next turn."],
  "settings.used.call": ["Действует со следующего звонка.", "Counts from the next call."],
  "settings.used.start": ["Действует после перезапуска Allo.", "Counts after Allo is started anew."],
  "settings.waits": ["Записано; заработает, когда Allo запустят заново.", "Written; in use when Allo is started anew."],
  "settings.fixed": ["Задано переменной окружения {n}, она важнее этой страницы.", "Set by the environment's {n}, which wins over this page."],
  "settings.save": ["Сохранить", "Save"],
  "settings.saved": ["Настройки сохранены.", "Settings saved."],
  yes: ["да", "yes"],
  no: ["нет", "no"],
});

// name: [title, explanation, unit] in Russian, then in English
const SETTINGS = {
  "kb.top_k": [["Сколько разделов искать", "Столько самых подходящих разделов получает модель.", "разделов"], ["Sections to find", "So many of the best sections are given to the model.", "sections"]],
  "kb.threshold": [["Порог «не знаю»", "Если уверенность ниже, агент говорит, что не знает. Выше порог — чаще отказ, ниже — чаще ответ не о том.", ""], ["Threshold of “I don't know”", "Below this confidence the agent says that it does not know. Higher: more refusals; lower: more wrong answers.", ""]],
  "kb.fallback_threshold": [["Порог второй базы", "Ключевые слова указали базу, но уверенность в ней ниже этой: ищем в обеих.", ""], ["Threshold of the second base", "Keywords chose a base, but its confidence is below this: both are searched.", ""]],
  "llm.model": [["Модель", "Как её называет сервер.", ""], ["Model", "As its server calls it.", ""]],
  "llm.fallback_model": [["Запасная модель", "Спрашивается, когда первая молчит или сломалась; пусто: нет.", ""], ["Fallback model", "Asked when the first one fails or is late; empty: none.", ""]],
  "llm.temperature": [["Температура", "Выше — свободнее слова, ниже — строже.", ""], ["Temperature", "Higher: freer words; lower: stricter.", ""]],
  "llm.max_tokens": [["Самый длинный ответ", "Длиннее модель не пишет.", "токенов"], ["Longest answer", "The model writes no more than this.", "tokens"]],
  "llm.first_token_s": [["Ждать первого слова", "Если модель молчит дольше, спрашивается запасная.", "с"], ["Wait for the first word", "A model that is silent for longer: the fallback is asked.", "s"]],
  "llm.stall_s": [["Ждать первого предложения", "Если и его нет, отвечает база знаний.", "с"], ["Wait for the first sentence", "After this the knowledge base answers instead.", "s"]],
  "prompts.persona": [["Кто говорит", "Описания лежат в разделе «Фразы», «Персоны».", ""], ["Who speaks", "They are described under Prompts, Personas.", ""]],
  "tts.engine": [["Движок голоса", "auto: скачанный голос Piper, иначе espeak-ng.", ""], ["Voice engine", "auto: a pulled Piper voice, else espeak-ng.", ""]],
  "tts.voice": [["Голос", "Имя голоса; пусто: обычный для языка. Список: allo models list.", ""], ["Voice", "The voice's name; empty: the language's own. See allo models list.", ""]],
  "tts.speed_wpm": [["Скорость речи", "Для espeak-ng.", "слов в минуту"], ["Speed of speech", "Of espeak-ng.", "words a minute"]],
  "turns.barge_in": [["Агента можно перебить", "", ""], ["Callers may interrupt", "", ""]],
  "turns.barge_in_ms": [["Речь, от которой агент замолкает", "Столько речи звонящего, и агент делает паузу.", "мс"], ["Speech that pauses the agent", "So much speech of the caller, and the agent pauses.", "ms"]],
  "turns.barge_in_confirm_ms": [["Речь, которая перебивает совсем", "Короче или одно «угу» — агент продолжит с того же места.", "мс"], ["Speech that ends the agent's turn", "Shorter, or a mere “uh-huh”: the agent goes on where it stopped.", "ms"]],
  "turns.end_silence_complete_ms": [["Пауза после целого вопроса", "Тишина, после которой агент отвечает.", "мс"], ["Pause after a whole question", "Quiet after which the agent answers.", "ms"]],
  "turns.end_silence_ms": [["Пауза, когда неясно", "То же, если неясно, договорил ли звонящий.", "мс"], ["Pause when unclear", "The same when it is not clear whether the caller has finished.", "ms"]],
  "turns.end_silence_open_ms": [["Пауза посреди фразы", "То же после «мне нужен …», предлога, части числа.", "мс"], ["Pause in mid-sentence", "The same after “I need a …”, a preposition, part of a number.", "ms"]],
  "turns.adapt": [["Подстраиваться под звонящего", "Быстрее с теми, кто говорит без пауз, терпеливее с остальными.", ""], ["Adapt to the caller", "Quicker with fluent callers, more patient with the others.", ""]],
  "turns.reprompt_s": [["Переспросить после тишины", "Звонящий молчит столько — агент спрашивает снова.", "с"], ["Ask again after silence", "The caller is silent for so long: the agent asks again.", "s"]],
  "turns.reprompts": [["Сколько раз переспросить", "Потом агент прощается.", "раз"], ["How often to ask again", "Then the agent says goodbye.", "times"]],
  "turns.wait_s": [["Ждать после «подождите»", "Столько агент не переспрашивает.", "с"], ["Wait after “hold on”", "The agent does not ask again for so long.", "s"]],
  "calls.max_minutes": [["Самый длинный разговор", "За минуту до конца агент предупреждает.", "мин"], ["Longest call", "The agent warns a minute before.", "min"]],
  "recording.enabled": [["Записывать разговоры", "Предупредите звонящих: «Предупреждение» в разделе «Фразы».", ""], ["Record calls", "Tell your callers: the notice under Prompts.", ""]],
};

export const settingWords = (name) => SETTINGS[name]?.[language() === "ru" ? 0 : 1] ?? [name, "", ""];
