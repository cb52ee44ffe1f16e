// What each prompt is for.
import { language, learn } from "/logs-ui/words.js";

learn({
  "prompts.which": ["Какой язык", "Which language"],
  "prompts.ru": ["Русский", "Russian"],
  "prompts.en": ["Английский", "English"],
  "prompts.personas": ["Персоны", "Personas"],
  "prompts.hint": ["Это читают вслух: короткие предложения. «!» в начале значит, что звонящий не может перебить. Изменения действуют со следующей реплики.", "This is read aloud: short sentences. “!” at the beginning means that the caller can't interrupt. Changes count from the next turn."],
  "prompts.other": ["Сейчас агент говорит на другом языке; эти тексты понадобятся, когда язык сменят в настройках.", "The agent speaks another language now; these texts are for the day when the language is changed."],
  "prompts.personas.hint": ["Кто говорит с звонящими: языковая модель читает это после правил. Какая персона действует, выбирают в настройках.", "Who speaks to callers: the language model reads this after the rules. Which persona is used is chosen under Settings."],
  "prompts.model": ["Для языковой модели", "For the language model"],
  "prompts.lines": ["Каждая строка — отдельный вариант.", "Each line is one of several."],
  "prompts.expert": ["Для знатоков: как узнаются просьбы звонящего", "For experts: how callers' requests are recognised"],
  "prompts.save": ["Сохранить", "Save"],
  "prompts.saved": ["Сохранено. Агент говорит так со следующей реплики.", "Saved. The agent speaks so from the next turn."],
});

const PHRASES = {
  greeting: ["Приветствие", "Первое, что слышит звонящий.", "Greeting", "The first that a caller hears."],
  notice: ["Предупреждение", "Звучит до приветствия, перебить нельзя; пусто: не говорится.", "Notice", "Said before the greeting, can't be interrupted; empty: not said."],
  no_answer: ["Не знаю", "Когда в базе нет ответа. Предлагает оператора.", "No answer", "When the base has no answer. Offers the operator."],
  unclear: ["Не расслышал", "Звук был, а слов не разобрать.", "Not understood", "There was sound and no words."],
  reprompts: ["Переспросы", "Когда звонящий молчит.", "Asking again", "When the caller keeps silent."],
  goodbye: ["Прощание", "Перед тем как положить трубку.", "Goodbye", "Before hanging up."],
  transfer: ["Перевод", "Перед соединением с оператором.", "Transfer", "Before the operator is rung."],
  transfer_unavailable: ["Оператор недоступен", "Когда соединить не удалось.", "No operator", "When the transfer did not work."],
  error: ["Неполадка", "Когда что-то сломалось.", "Fault", "When something broke."],
  busy: ["Занято", "Когда все линии заняты.", "Busy", "When all lines are taken."],
  closing: ["Перезапуск", "Когда Allo останавливают посреди разговора.", "Restart", "When Allo is stopped in the middle of a call."],
  hold: ["Жду", "Ответ на «подождите».", "Holding", "The answer to “wait a moment”."],
  repeat: ["Повтор", "Перед повторением ответа.", "Repeat", "Before an answer is repeated."],
  slower: ["Помедленнее", "Когда попросили говорить медленнее.", "Slower", "When asked to speak more slowly."],
  faster: ["Побыстрее", "Когда попросили говорить быстрее.", "Faster", "When asked to speak faster."],
  louder: ["Погромче", "Когда попросили говорить громче.", "Louder", "When asked to speak louder."],
  quieter: ["Потише", "Когда попросили говорить тише.", "Quieter", "When asked to speak more quietly."],
  fillers: ["Пока думает", "Пока ответ задерживается.", "Fillers", "While an answer is late."],
  stalled: ["Ответ не пришёл", "Извинение и выход, когда ответа нет слишком долго.", "Stalled", "An apology and a way out when no answer came in time."],
  limit_warning: ["Осталась минута", "За минуту до предела разговора.", "One minute left", "A minute before the longest call ends."],
  calling: ["Мы звоним", "Первое, что слышит тот, кому звонит агент.", "We call", "The first that somebody hears whom the agent calls."],
  called_back: ["Перезвонили", "После этого, когда звонящий просил перезвонить.", "Called back", "After that, where the caller asked to be called back."],
  called_back_about: ["Перезвонили по делу", "То же, когда известно зачем; {} — это дело.", "Called back about something", "The same where it is known why; {} for that."],
  cut_off: ["Связь прервалась", "Первое, что слышит звонящий, когда разговор идёт дальше после сбоя или перезапуска.", "The connection broke", "The first that a caller hears whose call goes on after a crash or a restart."],
  you_asked: ["Вы спрашивали", "После этого, перед ответом, которого он ждал; {} — его вопрос.", "You asked", "After that, before the answer that is still owed; {} for the question."],
  go_ahead: ["Слушаю вас", "После этого, когда отвечать нечего.", "Go ahead", "After that where nothing is owed."],
  "system.txt": ["Правила агента", "Главное указание языковой модели: кто она и как отвечает.", "The agent's rules", "The language model's main instruction: who it is and how it answers."],
  contextualiser: ["Вопрос с продолжением", "Контекстуализатор: как модели понимать «а сколько стоит?» после сказанного раньше; стоит за правилами агента.", "Follow-up questions", "How the model is to understand “and what does it cost?” after what was said before; stands behind the rules."],
  unheard: ["Не услышанное", "Что модель узнаёт о конце ответа, который звонящий не услышал; {} — эти слова.", "What was not heard", "What the model is told of the end of its answer that the caller did not hear; {} for the words."],
  ungrounded: ["Чего нет в базе", "Что модель узнаёт о предложении, которого нет в текстах; {} — чего именно.", "Not in the texts", "What the model is told of a sentence that no text backs; {} for what that is."],
  returning: ["Звонит снова", "Что модель узнаёт о знакомом звонящем: {name}, {topics}, {day}.", "A returning caller", "What the model is told of a caller who is remembered: {name}, {topics}, {day}."],
  "intents.toml": ["Просьбы звонящего", "Оператор, повторите, до свидания и другое (TOML).", "Callers' requests", "Operator, repeat, goodbye and others (TOML)."],
};

// Title and explanation; a persona is called by its own name.
export function phraseWords(name) {
  const found = PHRASES[name] ?? [name, "", name, ""];
  return language() === "ru" ? found.slice(0, 2) : found.slice(2);
}
