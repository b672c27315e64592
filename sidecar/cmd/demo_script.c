/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What is said in the demo, and how its conversations are left. */

#include "demo_play.h"

#define IMAGE(caption)                                                         \
    "{\"id\":\"1002003004005001\",\"mime_type\":\"image/jpeg\","               \
    "\"sha256\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\","             \
    "\"caption\":\"" caption "\"}"
#define VOICE                                                                  \
    "{\"id\":\"1002003004005002\",\"voice\":true,"                             \
    "\"mime_type\":\"audio/ogg; codecs=opus\","                                \
    "\"sha256\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}"
#define PDF(name)                                                              \
    "{\"id\":\"1002003004005003\",\"mime_type\":\"application/pdf\","          \
    "\"sha256\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\","             \
    "\"filename\":\"" name "\"}"
#define STICKER                                                                \
    "{\"id\":\"1002003004005004\",\"mime_type\":\"image/webp\","               \
    "\"sha256\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\","             \
    "\"animated\":false}"
#define PLACE(name, address)                                                   \
    "{\"latitude\":-23.5505,\"longitude\":-46.6333,\"name\":\"" name           \
    "\",\"address\":\"" address "\"}"
#define CARD(name, phone)                                                      \
    "[{\"name\":{\"formatted_name\":\"" name "\",\"first_name\":\"" name       \
    "\"},\"phones\":[{\"phone\":\"" phone "\",\"type\":\"CELL\"}]}]"

/* 1 ... 555-01xx is set aside for fiction. */
const demo_contact_t demo_script_contacts[DEMO_TENANTS][DEMO_CONTACTS_MAX] = {
    {
        { "Marina Costa", "12025550111", NULL, NULL, DEMO_AGENT, false, true,
          "encomenda,aniversário" },
        { "João Batista", "12025550112", NULL, NULL, DEMO_AGENT, false, true,
          NULL },
        { "Helena Dias", "12025550113", NULL, NULL, DEMO_AGENT, true, true,
          "entrega" },
        { "Tiago Melo", "12025550114", NULL, NULL, -1, false, false,
          "alergia" },
        { "Bruna Freitas", "12025550115", NULL, NULL, DEMO_SUPERVISOR, false,
          true, "cesta" },
        { "Otávio Luz", "12025550116", NULL, NULL, -1, false, false, NULL },
        { "Clara Nunes", NULL, "BR.5501840013007712", "clara.nunes",
          DEMO_SUPERVISOR, false, false, "evento" },
        { "Sérgio Pinto", "12025550117", NULL, NULL, DEMO_AGENT, false, true,
          "retomar" },
        { "Lucas Moreira", "12025550118", NULL, NULL, DEMO_ADMIN, false, true,
          NULL },
        { "Paula Gomes", "12025550119", NULL, NULL, DEMO_AGENT, false, false,
          "fornecedor" },
        { "Rafa Lima", NULL, "BR.5501840013009958", "rafa.doces", -1, false,
          false, NULL },
    },
    {
        { "Renato Alves", "12025550121", NULL, NULL, DEMO_AGENT, true, true,
          "freios" },
        { "Carla Teles", "12025550122", NULL, NULL, DEMO_AGENT, false, false,
          "revisão" },
        { "Paulo Sá", "12025550123", NULL, NULL, DEMO_SUPERVISOR, false, true,
          "guincho" },
        { "Nina Rocha", "12025550124", NULL, NULL, -1, false, false,
          "orçamento" },
        { "Hugo Maia", "12025550125", NULL, NULL, -1, false, false, NULL },
        { "Vera Lopes", "12025550126", NULL, NULL, DEMO_AGENT, false, true,
          NULL },
        { "Iara Campos", NULL, "BR.5501840013014477", "iara.campos", -1, false,
          false, NULL },
    },
};

/* Oldest first: the event log is written in this order. */
const demo_line_t demo_script_lines[DEMO_TENANTS][DEMO_LINES_MAX] = {
    {
        { 3010, 7, DEMO_IN, NULL, 0,
          "Bom dia, vocês atendem empresas? Preciso de "
          "coffee break para 40 pessoas." },
        { 3004, 7, DEMO_IN, NULL, 0, "Seria na sexta que vem, de manhã." },
        { 1420, 7, DEMO_REENGAGE, NULL, 0,
          "Bom dia, Sérgio! Atendemos sim. Posso mandar o cardápio?" },
        { 1412, 7, DEMO_DELIVERED, "retomar_conversa", 0,
          "Olá, Sérgio! Vimos sua mensagem sobre o coffee break. Podemos "
          "continuar por aqui? Responda SIM para falar com a gente." },
        { 1140, 0, DEMO_IN, NULL, 0,
          "Bom dia! Vocês fazem bolo por "
          "encomenda?" },
        { 1137, 0, DEMO_READ, NULL, 0,
          "Bom dia, Marina! Fazemos sim. Para quantas "
          "pessoas e para que dia?" },
        { 1135, 0, DEMO_IN, NULL, 0,
          "Para 30 pessoas, no sábado. De chocolate com "
          "morango 🍓" },
        { 1133, 0, DEMO_IN, "image", 0, IMAGE("Mais ou menos assim") },
        { 1131, 0, DEMO_READ, NULL, 1,
          "Que lindo! Anotado: chocolate com morango, 30 pessoas, "
          "sábado às 10h. Fica R$ 180,00." },
        { 1130, 0, DEMO_IN, "reaction", 1, "❤️" },
        { 1129, 0, DEMO_IN, NULL, 0, "Perfeito, pode confirmar!" },
        { 1090, 0, DEMO_READ, "confirmar_encomenda", 0,
          "Sua encomenda está reservada para sábado às 10h. Confirma a "
          "retirada na loja?" },
        { 1084, 0, DEMO_IN, "button", 1,
          "{\"payload\":\"confirmar\",\"text\":\"Confirmo\"}" },
        { 980, 8, DEMO_IN, NULL, 0,
          "Oi, esqueci de perguntar: o panetone já chegou?" },
        { 971, 8, DEMO_UNDELIVERABLE, NULL, 0,
          "Oi, Lucas! Chega na quinta. Quer que eu reserve um?" },
        { 905, 1, DEMO_IN, NULL, 0,
          "Oi, a que horas sai o pão francês da tarde?" },
        { 899, 1, DEMO_DELIVERED, NULL, 0,
          "Olá, João! Sai às 15h30 e às 17h30." },
        { 640, 2, DEMO_IN, NULL, 0, "Entregam no centro?" },
        { 639, 2, DEMO_IN, "location", 0,
          PLACE("Praça Central", "Rua das Flores, 12") },
        { 633, 2, DEMO_READ, NULL, 0,
          "Entregamos aí sim, Helena. A taxa é R$ 6,00." },
        { 631, 2, DEMO_IN, NULL, 0,
          "Ótimo! Quero 20 pães de queijo e um café" },
        { 629, 2, DEMO_IN, "document", 0, PDF("comprovante-pix.pdf") },
        { 626, 2, DEMO_READ, NULL, 0, "Recebido! Saindo em 25 minutos 🙂" },
        { 598, 2, DEMO_IN, NULL, 0, "Chegou quentinho, obrigada!" },
        { 597, 2, DEMO_IN, "sticker", 0, STICKER },
        { 420, 6, DEMO_IN, NULL, 0,
          "Olá! Vi o perfil de vocês. Fazem mesa de "
          "doces para casamento?" },
        { 411, 6, DEMO_READ, NULL, 0,
          "Olá, Clara! Fazemos sim. Já tem a data e o "
          "número de convidados?" },
        { 402, 6, DEMO_IN, NULL, 0, "12 de março, 120 convidados 💍" },
        { 388, 9, DEMO_IN, NULL, 0,
          "Boa tarde! Sou da Moinho Serrano, vendo farinha orgânica." },
        { 386, 9, DEMO_READ, NULL, 0,
          "Boa tarde, Paula! Com quem falamos sobre preços?" },
        { 380, 9, DEMO_IN, "contacts", 0,
          CARD("Edson Vilela", "+1 202-555-0199") },
        { 379, 9, DEMO_IN, NULL, 0, "O Edson cuida da região de vocês." },
        { 245, 3, DEMO_IN, NULL, 0, "Boa tarde, tem opção sem glúten?" },
        { 118, 4, DEMO_IN, "audio", 0, VOICE },
        { 117, 4, DEMO_IN, NULL, 0, "Quanto custa a cesta de café?" },
        { 112, 4, DEMO_SENT, NULL, 0,
          "Temos três tamanhos, a partir de R$ 75,00." },
        { 64, 3, DEMO_IN, NULL, 0, "E sem lactose?" },
        { 31, 10, DEMO_IN, NULL, 0, "vcs tão contratando confeiteira?" },
        { 22, 5, DEMO_IN, NULL, 0,
          "Esqueci meu guarda-chuva aí hoje cedo, alguém "
          "viu?" },
    },
    {
        { 1290, 5, DEMO_IN, NULL, 0, "Meu carro fica pronto hoje?" },
        { 1281, 5, DEMO_READ, NULL, 0, "Fica sim, Vera. Às 17h." },
        { 1080, 0, DEMO_IN, NULL, 0,
          "Bom dia, meu carro está fazendo um barulho na "
          "frente quando freio" },
        { 1072, 0, DEMO_READ, NULL, 0,
          "Bom dia, Renato. Pode ser pastilha gasta. "
          "Consegue trazer hoje às 14h?" },
        { 1070, 0, DEMO_IN, NULL, 0, "Consigo, até já" },
        { 760, 0, DEMO_READ, NULL, 0,
          "Renato, trocamos as pastilhas. Ficou em "
          "R$ 320,00 e já pode buscar." },
        { 552, 1, DEMO_IN, NULL, 0, "Vocês fazem revisão dos 40 mil km?" },
        { 547, 1, DEMO_DELIVERED, NULL, 0,
          "Fazemos, Carla. Leva uma manhã. Que dia é "
          "melhor para você?" },
        { 541, 1, DEMO_IN, NULL, 0, "Quinta-feira" },
        { 301, 2, DEMO_IN, NULL, 0, "Estou parado, o carro não liga" },
        { 300, 2, DEMO_IN, "location", 0,
          PLACE("Posto da Avenida", "Avenida Norte, 900") },
        { 296, 2, DEMO_READ, NULL, 0,
          "O guincho está a caminho, Paulo. Chega em uns "
          "20 minutos." },
        { 290, 2, DEMO_IN, "reaction", 1, "👍" },
        { 133, 3, DEMO_IN, "image", 0, IMAGE("Esse é o pneu") },
        { 131, 3, DEMO_IN, NULL, 0, "O orçamento inclui alinhamento?" },
        { 90, 6, DEMO_IN, NULL, 0, "Fazem funilaria também?" },
        { 47, 4, DEMO_IN, NULL, 0, "Qual o horário de vocês no sábado?" },
        { 20, 5, DEMO_READ, "pesquisa_atendimento", 0,
          "Olá, Vera! Como foi o atendimento de ontem na Oficina Norte?" },
        { 12, 5, DEMO_IN, NULL, 0, "Obrigada pelo atendimento de ontem!" },
    },
};

/* Tags of the conversations above, and what the house says every day. */
const demo_post_t demo_script_posts[DEMO_TENANTS][DEMO_POSTS_MAX] = {
    {
        { "/api/v1/tags",
          "{\"name\":\"encomenda\",\"color\":\"blue\",\"description\":\"Bolo, "
          "salgado ou cesta com dia marcado\"}" },
        { "/api/v1/tags", "{\"name\":\"aniversário\",\"color\":\"pink\"}" },
        { "/api/v1/tags",
          "{\"name\":\"entrega\",\"color\":\"teal\",\"description\":\"Vai "
          "até o cliente\"}" },
        { "/api/v1/tags",
          "{\"name\":\"alergia\",\"color\":\"red\",\"description\":\"Confirmar "
          "os ingredientes antes de vender\"}" },
        { "/api/v1/tags", "{\"name\":\"cesta\",\"color\":\"orange\"}" },
        { "/api/v1/tags",
          "{\"name\":\"evento\",\"color\":\"purple\","
          "\"description\":\"Empresas e festas, a partir de 30 pessoas\"}" },
        { "/api/v1/tags",
          "{\"name\":\"retomar\",\"color\":\"yellow\",\"description\":\"Ficou "
          "sem resposta: escrever de novo\"}" },
        { "/api/v1/tags", "{\"name\":\"fornecedor\",\"color\":\"gray\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"oi\",\"content\":\"Oi, {{contact.name}}! Aqui é "
          "{{agent.name}}, da {{company.name}}. Em que posso ajudar?\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"horario\",\"content\":\"Abrimos todos os dias, "
          "das 6h às 20h. No domingo, até as 13h.\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"pix\",\"content\":\"A chave é o e-mail da "
          "padaria: pix@padaria.example, em nome de {{company.name}}.\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"entrega\",\"content\":\"Entregamos na região "
          "por R$ 8,00, em até 40 minutos. Qual é o endereço?\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"confirmar\",\"content\":\"Posso confirmar a "
          "encomenda, "
          "{{contact.name}}?\",\"buttons\":[{\"id\":\"sim\",\"title\":\"Pode "
          "confirmar\"},{\"id\":\"mudar\",\"title\":\"Quero mudar\"}]}" },
    },
    {
        { "/api/v1/tags", "{\"name\":\"freios\",\"color\":\"red\"}" },
        { "/api/v1/tags",
          "{\"name\":\"revisão\",\"color\":\"blue\",\"description\":\"Agendar "
          "e separar as peças na véspera\"}" },
        { "/api/v1/tags",
          "{\"name\":\"guincho\",\"color\":\"orange\",\"description\":\"Carro "
          "parado: responder antes de tudo\"}" },
        { "/api/v1/tags", "{\"name\":\"orçamento\",\"color\":\"green\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"oi\",\"content\":\"Olá, {{contact.name}}! "
          "{{agent.name}}, da {{company.name}}. O que houve com o carro?\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"horario\",\"content\":\"Atendemos de segunda a "
          "sexta, das 8h às 18h, e no sábado até o meio-dia.\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"endereco\",\"content\":\"Estamos na Avenida "
          "Norte, 1200. Há vagas na frente.\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"orcamento\",\"content\":\"{{contact.name}}, o "
          "orçamento fica pronto hoje até as 17h. Aviso por aqui.\"}" },
        { "/api/v1/quick-replies",
          "{\"shortcut\":\"pronto\",\"content\":\"Seu carro está pronto, "
          "{{contact.name}}! Pode buscar até as 18h.\"}" },
    },
};
