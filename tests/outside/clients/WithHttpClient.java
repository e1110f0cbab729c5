// Java's java.net.http.HttpClient: it reads system properties, and no variables.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

public class WithHttpClient {
    static final String API =
        System.getenv().getOrDefault("OPENAI_BASE_URL", "https://api.openai.com/v1");
    static final String CHAT =
        "\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    static void ask(String path, String question) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(API + "/" + path))
            .header("Authorization", "Bearer " + System.getenv("OPENAI_API_KEY"))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(question))
            .build();
        var answer = CLIENT.send(request, BodyHandlers.ofLines());
        if (answer.statusCode() != 200) throw new Exception("" + answer.statusCode());
        var target = answer.headers().firstValue("x-understudy-target");
        System.out.println("x-understudy-target: " + target.orElse("none"));
        answer.body().forEach(System.out::println);
    }

    public static void main(String[] arguments) throws Exception {
        ask("chat/completions", "{" + CHAT + "}");
        ask("chat/completions", "{" + CHAT + ", \"stream\": true}");
        ask("embeddings", "{\"model\": \"text-embedding-3-small\", \"input\": \"Hi\"}");
        ask("chat/completions", "{" + CHAT + "}");
    }
}
